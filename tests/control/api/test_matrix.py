"""Every role and every kind of key on every endpoint: what is allowed is what the matrix of roles says."""

import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from control.accounts.actor import Actor, command_line
from control.accounts.invitations import invite
from control.accounts.keys import make_key
from control.accounts.models import User
from control.accounts.people import add_operator, new_user, store_with_seat
from control.accounts.roles import (
    KEYS,
    OPERATORS,
    PARTNER_ROLE_OF_SCOPE,
    PARTNERS,
    Action,
    Area,
    Grant,
    KeyScope,
    Limit,
    PartnerRole,
    Role,
)
from control.api.root import api
from control.applications.auto_rules import create_rule
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, acting
from control.contracts.services import send_contract, withdraw
from control.contracts.templates import create_template, publish_version, save_draft
from control.exports.services import start_export
from control.imports.services import upload
from control.jobs.models import Job, JobState
from control.leads.services import accept, create_leads, offer_to
from control.partners.models import Partner
from control.partners.services import create_partner
from control.program.models import Offer
from control.program.publishing import publish
from control.program.services.links import create_link
from control.program.services.publish_requests import ask_to_publish, withdraw_request
from control.program.services.terms_rows import create_coupon, create_plan
from control.scheduled.services import schedule_status
from control.territories.services import create_territory
from control.webhooks.services import create_webhook, send_test
from tests.control.api.conftest import Api
from tests.control.api.endpoints import (
    APPROVAL,
    CONTRACT,
    COUPON,
    ENDPOINTS,
    IMPORT,
    LINK,
    NOTE,
    VERSION,
    Endpoint,
    walked,
)
from tests.control.applications.sample import SCORE_RULE, applied
from tests.control.databases import Filling, TestDatabase
from tests.control.program.sample import plan, shoes

# Rights are decided before any row is read, so one database shows them.
sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


WHO = [
    "nobody",
    *(f"operator {role}" for role in Role.values),
    *(f"partner {role}" for role in PartnerRole.values),
    *(f"key {scope}" for scope in KeyScope.values),
    *(f"partner key {scope}" for scope in KeyScope.values),
]


def test_every_endpoint_is_in_the_matrix() -> None:
    documented = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, operations in api.get_openapi_schema()["paths"].items() for method in operations
    }  # fmt: skip
    assert documented == walked()


@dataclass
class World:
    """Two partners, each with a person, an invitation and an event, and a dead job."""

    own: dict[str, str]
    foreign: dict[str, str]
    partner: int


def _terms_rows(plan_name: str, coupon_name: str, values: dict[str, Any], code: str) -> dict[str, str]:
    """Make a draft of a plan and of a coupon; return their ids by name."""
    made = create_plan(command_line(), {**values, "percent_e6": 8_000_000})
    of_coupon = {name: row for name, row in values.items() if name != "goal"}
    coupon = create_coupon(command_line(), {**of_coupon, "code": code})
    return {plan_name: str(made.pk), coupon_name: str(coupon.pk)}


def _held_lead(number: int) -> str:
    """Make a lead that a partner has accepted; return its id."""
    (lead,) = create_leads(command_line(), [{"company": f"Lead of {number}", "consent": True}])
    offer_to(command_line(), lead.pk, number, timezone.now())
    own = Actor(ActorKind.PERSON, name="Ann", partner=number, partner_role=PartnerRole.OWNER)
    return str(accept(own, lead.pk, timezone.now()).pk)


def filled_world() -> World:
    command = command_line()
    found = []
    for name in ("Blue", "Red"):
        partner = create_partner(command, {"name": name}, "active")
        number = partner.number
        offer = shoes(access="open" if name == "Blue" else "private")
        link = create_link(command, offer.number, number)
        rows = _terms_rows("plan_id", "coupon_id", {"offer": offer, "partner": partner}, f"OLD{number}")
        user = new_user(f"member-{number}@shop.example", "", None)
        with acting(command):
            store_with_seat(user, number, PartnerRole.MEMBER)
        invitation = invite(
            command, f"guest-{number}@shop.example", "member", number, lambda token: f"http://x/{token}/"
        )
        event = AuditEvent.objects.filter(partner=number).latest("id")
        job = Job.objects.create(task="sample", state=JobState.DEAD, finished=timezone.now())
        made = upload(command, "partners", "a.csv", [f"name\nFrom file {number}\n".encode()])
        export = start_export(command, "partners", "csv", {})
        found.append((number, {
            "lead_id": _held_lead(number),
            "territory_id": str(create_territory(command, {"name": name}, {number: 1}).pk),
            "key_id": str(make_key(command, f"shop {number}", "read", number)[0].pk),
            "import_id": str(made.pk), "export_id": str(export.pk),
            "user_id": str(user.pk), "invitation_id": str(invitation.pk), "event_id": str(event.pk),
            "job_id": str(job.pk), "partner_id": str(number), "offer_id": str(offer.number), "code": link.code,
            "seq": "1", **rows,
        }))  # fmt: skip
    publish(command)
    for _, ids in found:
        webhook, other = (create_webhook(command, {"url": "https://crm.example/", "events": ["*"]})[0] for _ in "12")
        ids |= {"webhook_id": str(webhook.pk), "draft_webhook_id": str(other.pk)}
        ids["delivery_id"] = str(send_test(command, webhook.pk).pk)
        of_one = {
            "offer": Offer.objects.get(number=ids["offer_id"]),
            "partner": Partner.objects.get(pk=ids["partner_id"]),
        }
        ids |= _terms_rows("draft_id", "draft_coupon_id", {**of_one, "goal": "1"}, f"DRAFT{ids['partner_id']}")
    plan(Offer.objects.get(number=int(found[0][1]["offer_id"])))  # a draft, so that there is something to publish
    request = ask_to_publish(command)
    withdraw_request(command, request.pk)  # decided: rights come before states
    application = applied()
    template = create_template(command, {"code": "creators", "name": "Creators"}, VERSION)
    publish_version(command, template.pk)
    save_draft(command, template.pk, VERSION)
    for number, ids in found:
        sent = send_contract(command, number, "creators")
        withdraw(command, sent.pk, "rights come before states")
        ids |= {"contract_id": str(sent.pk), "template_id": str(template.pk)}
        rule, other = (create_rule(command, application.form_id, SCORE_RULE) for _ in "12")
        ids |= {"form_id": str(application.form_id), "application_id": str(application.pk)}
        ids |= {"rule_id": str(rule.pk), "draft_rule_id": str(other.pk)}
        ids["request_id"] = str(request.pk)
        change = schedule_status(command, "link", ids["code"], "inactive", timezone.now() + timedelta(days=1))
        ids["change_id"] = str(change.pk)
    return World(found[0][1], found[1][1], found[0][0])


@pytest.fixture
def filling() -> Filling:
    return filled_world


@pytest.fixture
def world(database: TestDatabase) -> World:
    return copy.deepcopy(database.content)


def _grant(who: str, area: Area) -> Grant | None:
    kind, _, name = who.rpartition(" ")
    if kind == "operator":
        return OPERATORS[Role(name)][area]
    if kind == "partner":
        return PARTNERS[PartnerRole(name)][area]
    if kind == "key":
        return KEYS[KeyScope(name)][area]
    return PARTNERS[PARTNER_ROLE_OF_SCOPE[KeyScope(name)]][area] if kind == "partner key" else None


def _client(who: str, partner: int) -> Api:
    kind, _, name = who.rpartition(" ")
    client = Api()
    if kind == "operator":
        client._client.force_login(add_operator(command_line(), "who@acme.example", name))
    elif kind == "partner":
        user = new_user("who@acme.example", "", None)
        with acting(command_line()):
            store_with_seat(user, partner, PartnerRole(name))
        client._client.force_login(user)
    elif kind:
        _, key = make_key(command_line(), who, name, partner if kind == "partner key" else None)
        return Api(key)
    return client


def _expected(who: str, endpoint: Endpoint, *, foreign: bool) -> set[int]:
    if endpoint.public:
        return {*endpoint.done}
    grant = _grant(who, endpoint.area)
    if grant is None:
        return {401}
    of_partner = who.startswith("partner ")
    if endpoint.path.endswith(("/accept", "/decline")) and endpoint.area is Area.CONTRACTS and who != "partner owner":
        return {403}  # nobody else signs for a partner
    if endpoint.action not in grant.actions or (endpoint.operators_only and of_partner):
        return {403}
    if endpoint.path.startswith("/exports/{"):
        settings = _grant(who, Area.SETTINGS)
        deletes = endpoint.method == "DELETE" and settings is not None and Action.WRITE in settings.actions
        return {204} if deletes and not of_partner else {404}  # of the command line; others see their own ones only
    if endpoint.path.startswith("/imports/{"):
        audit = _grant(who, Area.AUDIT)
        if audit is None or Action.READ not in audit.actions:
            return {404}
        return {409} if endpoint.path.endswith("resume") else {200, 204}
    if grant.limit is Limit.OWN and endpoint.method == "POST" and endpoint.path == "/leads":
        return {403}  # who gives leads sees all partners
    answers_lead = endpoint.path in ("/leads/{lead_id}/accept", "/leads/{lead_id}/decline")
    if answers_lead and not of_partner and grant.limit is not Limit.OWN:
        return {403}  # only the partner answers
    if grant.limit is Limit.OWN and endpoint.path.startswith("/territories") and endpoint.action is Action.WRITE:
        return {403} if endpoint.method == "POST" else {404}  # territories divide the leads of all partners
    of_one_partner = endpoint.path.startswith(
        ("/partners/{", "/links/{", "/scheduled-changes/{", "/territories/{", "/contracts/{", "/leads/{")
    )
    if grant.limit is Limit.OWN and of_one_partner and who.startswith("operator "):
        return {404}  # the partners of the test have no manager
    if who == "operator partner_manager" and endpoint.body is COUPON:
        return {422}  # the same
    if grant.limit is Limit.OWN and endpoint.body in (LINK, APPROVAL, CONTRACT, NOTE):
        return {404, 422}
    return {404} if foreign and of_partner and "{" in endpoint.path else {*endpoint.done}


def _filled(value: Any, ids: dict[str, str]) -> Any:
    """Return a body with the numbers of the test's rows."""
    if isinstance(value, dict):
        return {name: _filled(inner, ids) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, ids) for inner in value]
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return int(ids[value[1:-1]])
    return value


def _call(client: Api, endpoint: Endpoint, ids: dict[str, str]) -> int:
    path, headers = endpoint.path.format(**ids), {}
    if endpoint.method == "PATCH":
        headers["If-Match"] = "*"
    body = endpoint.body
    if body is IMPORT:
        return client.upload(path, body)[0]
    if isinstance(body, dict):
        body = _filled(body, ids)
    return client(endpoint.method, path, body, **headers)[0]


@sqlite
@pytest.mark.parametrize("who", WHO)
def test_rights(who: str, world: World) -> None:
    client = _client(who, world.partner)
    for foreign, ids in ((True, world.foreign), (False, world.own)):
        for endpoint in ENDPOINTS:
            if foreign and "{" not in endpoint.path:
                continue
            status = _call(client, endpoint, ids)
            expected = _expected(who, endpoint, foreign=foreign)
            assert status in expected, (who, endpoint, foreign, status)


@sqlite
def test_lists_of_a_partner_hold_its_own_rows_only(world: World) -> None:
    client = _client("partner key admin", world.partner)
    assert [user["id"] for user in client("GET", "/users")[1]["items"]] == [world.own["user_id"]]
    assert [item["id"] for item in client("GET", "/invitations")[1]["items"]] == [world.own["invitation_id"]]
    events = client("GET", "/audit-events")[1]["items"]
    assert events and {event["partner"] for event in events} == {world.partner}


@sqlite
def test_a_session_changes_nothing_without_the_csrf_token(world: World) -> None:
    user = add_operator(command_line(), "who@acme.example", "owner")
    strict = Client(HTTP_HOST="localhost", enforce_csrf_checks=True)
    strict.force_login(user)
    body = {"email": "new@acme.example", "role": "support"}
    assert strict.post("/api/v1/users", body, content_type="application/json").status_code == 403
    assert not User.objects.filter(email="new@acme.example").exists()


@sqlite
def test_a_disabled_person_is_refused(world: World) -> None:
    client = _client("operator owner", world.partner)
    with acting(command_line()):
        User.objects.filter(email="who@acme.example").update(is_active=False)
    assert client("GET", "/users")[0] == 401
