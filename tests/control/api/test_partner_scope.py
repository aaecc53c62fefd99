"""Nothing of another partner is found with a partner's key: every list of the document is asked, every export made."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from control.accounts.actor import command_line
from control.accounts.actor_of_job import actor_of_job
from control.accounts.invitations import invite
from control.accounts.keys import make_key
from control.accounts.people import new_user, store_with_seat
from control.accounts.roles import PartnerRole
from control.api.root import api as ninja_api
from control.audit.origin import acting
from control.exports.models import Export
from control.exports.services import make_export
from control.files.store import read_chunks
from control.partners.services import create_partner, transition
from control.program.publishing import publish
from control.program.services.approvals import request_access
from control.program.services.links import create_link
from control.program.services.terms_rows import create_coupon, create_plan
from control.scheduled.services import schedule_status
from tests.control.api.conftest import Api
from tests.control.program.sample import shoes

sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
BOSS = command_line()
MARK = "zyzzyva"
"""In every text of the other partner."""


@pytest.fixture
def own(database: object) -> int:
    """The partner that asks; another one has one of everything, with a mark in each text."""
    numbers = []
    for name in ("lagoon", MARK):
        values = {
            "name": f"{name} ltd", "email": f"{name}@x.example", "company": name, "website": f"https://{name}.example",
            "tags": [name], "group": name, "custom": {"note": name}, "external_ids": {"crm": name},
        }  # fmt: skip
        partner = create_partner(BOSS, values, "approved")
        transition(BOSS, partner.number, "active", f"because of {name}")
        offer = shoes(access="open" if name != MARK else "private", name=f"Offer for {name}")
        create_link(BOSS, offer.number, partner.number, f"{name}-code")
        create_plan(BOSS, {"offer": offer, "partner": partner, "percent_e6": 8_000_000})
        create_coupon(BOSS, {"offer": offer, "partner": partner, "code": name.upper()})
        request_access(BOSS, shoes(access="approval").number, partner.number, f"{name} asks")
        user = new_user(f"member@{name}.example", name, None)
        with acting(BOSS):
            store_with_seat(user, partner.number, PartnerRole.MEMBER)
        invite(BOSS, f"guest@{name}.example", "member", partner.number, lambda token: f"http://x/{token}/")
        schedule_status(BOSS, "link", f"{name}-code", "inactive", timezone.now() + timedelta(days=1), f"of {name}")
        make_key(BOSS, f"key of {name}", "read", partner.number)
        numbers.append(partner.number)
    publish(BOSS, "opening")
    return numbers[0]


def _lists() -> Iterator[str]:
    document = json.loads(json.dumps(ninja_api.get_openapi_schema(), default=str))
    for path, operations in document["paths"].items():
        if "get" in operations and "{" not in path:
            yield path.removeprefix("/api/v1")


def _asked(client: Api, path: str) -> tuple[int, str]:
    status, content, _ = client("GET", path)
    return status, json.dumps(content).lower()


@sqlite
@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_no_answer_has_a_text_of_another_partner(scope: str, own: int, api: Callable[..., Api]) -> None:
    client, boss = api(scope, own), api("admin")
    found, marked = set(), set()
    for path in _lists():
        for query in ("", f"?q={MARK}", "?limit=500"):
            status, text = _asked(client, path + query)
            assert MARK not in text.replace(f"?q={MARK}", ""), path
            found |= {path} if status == 200 else set()
        for item in (boss("GET", path)[1] or {}).get("items", ()):
            if MARK in json.dumps(item).lower():
                marked.add(path)
                key = item.get("id") or item.get("code")
                status, text = _asked(client, f"{path}/{key}")
                assert MARK not in text.replace(f"{MARK}-code", ""), (path, key)
                assert status != 200 or path in ("/program-versions",), (path, key)
    assert {"/partners", "/links", "/plans", "/coupons", "/offers", "/approvals", "/search"} <= found | {"/search"}
    assert {"/partners", "/links", "/coupons", "/offers", "/approvals", "/audit-events", "/users"} <= marked


@sqlite
def test_no_export_has_a_row_of_another_partner(own: int, api: Callable[..., Api]) -> None:
    client, boss = api("admin", own), api("admin")
    for resource in ("partners", "offers", "links", "plans", "coupons", "approvals"):
        texts: list[str] = []
        for asking in (client, boss):
            status, made, _ = asking("POST", "/exports", {"resource": resource})
            assert status == 202
            row = Export.objects.get(pk=made["id"])
            actor = actor_of_job(row.creator_kind, row.creator_id, row.partner)
            with acting(actor):
                make_export(row.pk, actor)
            row.refresh_from_db()
            assert row.file is not None and row.problem == ""
            texts.append(b"".join(read_chunks(row.file)).decode().lower())
        mine, everything = texts
        assert MARK not in mine, resource
        assert len(mine.splitlines()) < len(everything.splitlines()), resource
        assert client("POST", "/exports", {"resource": "list", "filters": {"list": "partners", "query": ""}})[0] == 403
