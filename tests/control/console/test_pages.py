"""Pages of partners, people, keys, jobs, the audit trail: they work without JavaScript, and no text is mark-up."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from control.accounts.actor import command_line
from control.accounts.models import ApiKey, Invitation, User
from control.accounts.people import add_operator, change_person
from control.audit.models import AuditEvent
from control.audit.origin import acting
from control.console.models import SavedView
from control.jobs.models import Job, JobState
from control.partners.models import Partner
from control.partners.services import change_partner, transition
from control.program.models import Offer
from control.program.publishing import publish
from control.program.services.offers import change_offer
from control.program.services.terms_rows import create_plan
from tests.control.console.installation import Console, newest_event, signed_in
from tests.control.console.rows import Rows, paths_of, rows_of
from tests.control.console.test_rights import PAGES
from tests.control.ui.pages import ATTACK, Elements, injections

sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SHORT_ATTACK = "\"'><img src=x onerror=alert(1)>"


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def fields_of(page: str) -> dict[str, str]:
    """Return the names and values of the fields of a page, as a browser would send them."""
    fields = {}
    for tag, values in Elements(page).found:
        if tag == "input" and values.get("type") not in ("checkbox", "radio", "search") and "name" in values:
            fields[values["name"]] = values.get("value", "")
    return fields


def test_partner_from_creation_to_suspension(console: Console) -> None:
    browser = console.browser("owner")
    assert "csrfmiddlewaretoken" in fields_of(text_of(browser.get("/console/partners/new/")))
    values = {
        "name": "Nordic Deals", "email": "hello@nordic.example", "status": "applied", "type": "agency",
        "website": "https://nordic.example/", "manager": str(console.people["partner_manager"].pk), "country": "se",
        "language": "sv", "tags": "travel, tech\ntravel", "tier": "Gold", "kind": "partner", "parent": "",
        "custom": "IBAN checked: yes\n", "external_ids": "crm: 88",
    }  # fmt: skip
    answer = browser.post("/console/partners/new/", values)
    partner = Partner.objects.get(name="Nordic Deals")
    address = f"/console/partners/{partner.number}/"
    assert answer["Location"] == address
    assert (partner.country, partner.tags, partner.custom) == ("SE", ["travel", "tech"], {"IBAN checked": "yes"})
    assert (partner.status, partner.external_ids) == ("applied", {"crm": "88"})
    page = text_of(browser.get(address))
    assert "Nordic Deals is added." in page and f"{address}to/active/" in page and f"{address}to/suspended/" not in page
    assert browser.post(f"{address}to/active/", {"reason": ""})["Location"] == address
    refused = browser.post(f"{address}to/suspended/", {"reason": ""})
    assert refused.status_code == 200 and "This field is required" in text_of(refused)
    browser.post(f"{address}to/suspended/", {"reason": "Brand bidding"})
    partner.refresh_from_db()
    assert partner.status == "suspended"
    history = text_of(browser.get(f"{address}history/"))
    assert "Brand bidding" in history and "Suspended" in history and "Owner Person" in history


def test_edit_keeps_what_nobody_touched(console: Console) -> None:
    browser = console.browser("owner")
    assert console.own is not None
    address = f"/console/partners/{console.own.number}/edit/"
    form = browser.get(address).context["form"]
    values = {field.html_name: field.value() for field in form}
    sent = {name: "" if value is None else value for name, value in values.items()}
    before = AuditEvent.objects.count()
    assert browser.post(address, sent).status_code == 302
    assert AuditEvent.objects.count() == before
    browser.post(address, {**sent, "tier": "Gold"})
    event = newest_event()
    assert (event.before, event.after, event.actor_name) == ({"tier": ""}, {"tier": "Gold"}, "Owner Person")


@sqlite
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "a\x01b"}, "control characters"),
        ({"email": "no"}, "valid e-mail"),
        ({"country": "D1"}, "two capitals"),
        ({"website": "javascript:alert(1)"}, "valid URL"),
        ({"parent": "999999"}, "There is no partner 999999"),
        ({"parent": "99999999999999999999999"}, "There is no partner"),
        ({"custom": "no colon"}, "name: text"),
        ({"tags": "x" * 81}, "1 to 80 characters"),
        ({"status": "suspended"}, "not one of the available choices"),
        ({"manager": str(uuid.uuid4())}, "not one of the available choices"),
        ({"kind": "other"}, "not one of the available choices"),
    ],
)
def test_mistakes_are_shown_next_to_their_field(console: Console, change: dict[str, str], message: str) -> None:
    browser, count = console.browser("owner"), Partner.objects.count()
    answer = browser.post("/console/partners/new/", {"name": "A", "status": "active", "kind": "partner", **change})
    assert answer.status_code == 200 and Partner.objects.count() == count
    assert message in text_of(answer)
    assert answer.context["form"].errors[next(iter(change))]


@sqlite
def test_live_check_answers_with_the_mistakes_of_filled_fields(console: Console) -> None:
    browser, count = console.browser("owner"), Partner.objects.count()
    sent = {"name": "", "email": "no", "kind": "partner", "status": "active", "check": "1"}
    page = text_of(browser.post("/console/partners/new/", sent, headers={"HX-Request": "true"}))
    parts = {values["id"] for tag, values in Elements(page).found if "id" in values}
    assert parts == {"id_email_error", "id_kind_error", "id_status_error"} and "<html" not in page
    assert "valid e-mail" in page and "required" not in page
    assert Partner.objects.count() == count


@sqlite
@pytest.mark.parametrize("number", ["999999", "4294967296", "9" * 30])
def test_partners_that_are_not_there(console: Console, number: str) -> None:
    browser = console.browser("owner")
    for part in ("", "edit/", "history/", "to/active/"):
        assert browser.get(f"/console/partners/{number}/{part}").status_code == 404
    assert console.own is not None
    assert browser.get(f"/console/partners/{console.own.number}/to/invented/").status_code == 404
    assert browser.get(f"/console/audit/{number}/").status_code == 404
    assert browser.get(f"/console/audit/?cursor={number}").status_code == 200


@sqlite
def test_a_change_of_state_that_is_not_allowed_is_explained(console: Console) -> None:
    assert console.own is not None
    answer = console.browser("owner").post(f"/console/partners/{console.own.number}/to/invited/", {"reason": ""})
    assert "is active and cannot become invited" in text_of(answer)


@sqlite
def test_a_manager_gets_the_partners_that_one_adds(console: Console) -> None:
    browser = console.browser("partner_manager")
    assert 'name="manager"' not in text_of(browser.get("/console/partners/new/"))
    sent = {"name": "Mine", "status": "active", "kind": "partner", "manager": str(console.people["owner"].pk)}
    browser.post("/console/partners/new/", sent)
    assert Partner.objects.get(name="Mine").manager == console.people["partner_manager"]


def test_people_are_changed_and_disabled(console: Console) -> None:
    browser = console.browser("owner")
    with acting(command_line()):
        user = add_operator(command_line(), "new@acme.example", "finance", "New")
    address = reverse("console_user", args=[user.pk])
    browser.post(address, {"name": "Newer", "role": "support"})
    user.refresh_from_db()
    assert (user.role, user.name) == ("support", "Newer")
    for active in (False, True):
        assert browser.get(f"{address}switch/").status_code == 200
        browser.post(f"{address}switch/")
        user.refresh_from_db()
        assert user.is_active is active
    page = text_of(browser.get(address))
    assert "Finance" in page and "Support" in page


@sqlite
def test_only_owners_make_owners_and_one_stays(console: Console) -> None:
    admin, owner = console.browser("admin"), console.browser("owner")
    assert 'value="owner"' not in text_of(admin.get("/console/people/invite/"))
    admin.post("/console/people/invite/", {"email": "boss@acme.example", "role": "owner"})
    assert not Invitation.objects.filter(email="boss@acme.example").exists()
    address = reverse("console_user", args=[console.people["owner"].pk])
    admin.post(f"{address}switch/")
    answer = owner.post(f"{address}switch/", follow=True)
    assert "The last owner stays" in text_of(answer)
    answer = owner.post(address, {"name": "", "role": "analyst"})
    assert "The last owner stays" in text_of(answer)
    assert User.objects.get(pk=console.people["owner"].pk).role == "owner"


@sqlite
def test_a_key_is_shown_once_and_revoked(console: Console) -> None:
    browser = console.browser("owner")
    answer = browser.post("/console/api-keys/new/", {"name": "crm", "scope": "write", "partner": ""})
    key = ApiKey.objects.get(name="crm")
    assert f"clew_{key.prefix}_" in text_of(answer) and answer["Cache-Control"] == "no-store"
    assert text_of(browser.get("/console/api-keys/")).count(key.prefix) == 1
    secret = next(part for part in text_of(answer).split() if f"clew_{key.prefix}_" in part).split("<")[0]
    assert secret not in str(list(AuditEvent.objects.values_list("before", "after")))
    again = browser.post("/console/api-keys/new/", {"name": "crm", "scope": "write"})
    assert "already; revoke it" in text_of(again)
    assert "There is no partner 999" in text_of(
        browser.post("/console/api-keys/new/", {"name": "x", "scope": "read", "partner": "999"})
    )
    browser.post(reverse("console_key_revoke", args=[key.pk]))
    assert browser.get(reverse("console_key_revoke", args=[key.pk])).status_code == 404
    assert (
        "crm"
        not in text_of(browser.get("/console/api-keys/")).replace("is revoked", "").split("<main")[1].split("toast")[0]
    )


def test_dead_jobs_are_replayed(console: Console) -> None:
    browser = console.browser("owner")
    assert console.job is not None
    address = f"/console/jobs/{console.job.pk}/"
    page = text_of(browser.get(address))
    assert "Boom: no mail" in page and "Replay" in page and "14 of at most 14" in page
    browser.post(f"{address}replay/")
    console.job.refresh_from_db()
    assert (console.job.state, console.job.attempts) == (JobState.READY, 0)
    assert (newest_event().action, newest_event().object_id) == ("replayed", str(console.job.pk))
    assert "only a dead job is replayed" in text_of(browser.post(f"{address}replay/", follow=True))
    dead = [Job.objects.create(task="mail.send", state=JobState.DEAD) for _ in range(2)]
    browser.post("/console/jobs/", {"do": "replay", "row": [str(job.pk) for job in dead], "sure": "1"})
    assert Job.objects.filter(pk__in=[job.pk for job in dead], state=JobState.READY).count() == 2


def test_audit_trail_shows_the_difference(console: Console) -> None:
    browser = console.browser("owner")
    assert console.own is not None
    with acting(console.actor("admin")):
        change_partner(
            console.actor("admin"), console.own.number, {"tier": "Gold", "manager": None, "tags": ["a", "b"]}
        )
    event = newest_event()
    page = text_of(browser.get(f"/console/audit/{event.pk}/"))
    assert "Administrator Person changed partner Blue Lagoon" in page
    assert "Partner manager Person" in page and "a, b" in page and "Gold" in page
    listed = text_of(browser.get("/console/audit/?q=lagoon&action=updated&type=partners.partner&by=person"))
    assert "Tier: none → Gold" in listed
    assert "Tier: none" not in text_of(browser.get("/console/audit/?to=2001-01-01"))
    assert "Tier: none" in text_of(browser.get("/console/audit/?from=2001-01-01"))
    assert "Tier: none" in text_of(browser.get("/console/audit/?from=2001-99-99"))
    csv = browser.get("/console/audit/?action=updated&export=csv").getvalue().decode()
    assert "Tier: none → Gold" in csv


@sqlite
def test_audit_trail_goes_on_part_by_part(console: Console) -> None:
    assert console.own is not None
    with acting(command_line()) as boss:
        for number in range(120):
            change_partner(boss, console.own.number, {"tier": f"T{number}"})
    browser, seen, query = console.browser("owner"), [], "?action=updated"
    while query:
        page = text_of(browser.get(f"/console/audit/{query}"))
        links = [values for tag, values in Elements(page).found if tag == "a"]
        seen += [
            link["href"]
            for link in links
            if link["href"].startswith("/console/audit/") and link["href"][15:16].isdigit()
        ]
        query = next((link["href"] for link in links if link.get("rel") == "next"), "")
    assert len(seen) == len(set(seen)) == AuditEvent.objects.filter(action="updated").count() >= 120


def _attack(console: Console) -> None:
    """Put mark-up into every text field."""
    assert console.own is not None and console.foreign is not None
    boss, texts = command_line(), ("name", "company", "group", "tier")
    with acting(boss):
        change_partner(boss, console.own.number, {
            **dict.fromkeys(texts, SHORT_ATTACK), "tags": [SHORT_ATTACK], "traffic_sources": [SHORT_ATTACK],
            "custom": {SHORT_ATTACK: SHORT_ATTACK}, "external_ids": {SHORT_ATTACK: SHORT_ATTACK},
        })  # fmt: skip
        change_partner(boss, console.foreign.number, {"parent": Partner.objects.get(pk=console.own.pk)})
        transition(boss, console.own.number, "suspended", ATTACK)
        for user in console.people.values():
            change_person(boss, user.pk, {"name": SHORT_ATTACK})
        ApiKey.objects.filter(name="shop").update(name=SHORT_ATTACK)
        console.publish_program()
        assert console.offer is not None and console.approval is not None
        attack = {"name": SHORT_ATTACK, "description": ATTACK, "goals": [{"key": "1", "name": SHORT_ATTACK}]}
        change_offer(boss, console.offer.number, attack)
        console.approval.reason = ATTACK
        console.approval.save()
        create_plan(boss, {"offer": Offer.objects.get(), "partner": console.own, "percent_e6": 9_000_000})
        publish(boss, ATTACK)
    Job.objects.update(error=ATTACK, asked_by=ATTACK, worker=SHORT_ATTACK)
    SavedView.objects.create(user=console.people["owner"], list_key="partners", name=SHORT_ATTACK, query="q=x")


@sqlite
def test_no_text_becomes_mark_up(console: Console) -> None:
    _attack(console)
    browser = console.browser("owner")
    assert console.own is not None
    # There is no export whose file could be downloaded; a file is no page.
    names = [name for name in PAGES if name != "console_export_file"]
    addresses = [*paths_of(rows_of(console), console.own, names).values()]
    addresses += [
        "/console/partners/?columns=name,tags,group,company,manager,tier",
        f"/console/partners/?q={SHORT_ATTACK}&tier={SHORT_ATTACK}&columns={SHORT_ATTACK}&order={SHORT_ATTACK}",
        f"/console/audit/?object_id={SHORT_ATTACK}&request={SHORT_ATTACK}&q=src",
        "/console/search/?q=img",
        f"/console/search/?q={SHORT_ATTACK}",
        "/console/audit/?columns=actor,object,changes,reason,address,request,object_id,type",
    ]
    addresses += [reverse("console_audit_event", args=[pk]) for pk in AuditEvent.objects.values_list("pk", flat=True)]
    shown = 0
    for address in addresses:
        answer = browser.get(address)
        assert answer.status_code == 200, address
        if not answer["Content-Type"].startswith("text/html"):
            assert answer["Content-Disposition"].startswith("attachment"), address
            continue
        assert injections(text_of(answer)) == [], address
        shown += "&lt;img src=x" in text_of(answer)
    assert shown > 10
    asked = browser.post("/console/partners/", {"do": "tag", "row": [str(console.own.number)]})
    assert injections(text_of(asked)) == [] and "&lt;img" in text_of(asked)
    refused = browser.post("/console/partners/new/", {"name": "", "email": SHORT_ATTACK, "custom": SHORT_ATTACK})
    assert injections(text_of(refused)) == []


@sqlite
@pytest.mark.parametrize(
    "next_page", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_sign_in_leads_to_no_other_site(console: Console, client: Client, next_page: str) -> None:
    page = text_of(client.get("/accounts/login/", {"next": next_page}))
    assert injections(page) == []
    with acting(command_line()):
        user = console.people["owner"]
        user.set_password("correct horse battery")
        user.save()
        answer = client.post(
            "/accounts/login/", {"login": user.email, "password": "correct horse battery", "next": next_page}
        )
    assert answer.status_code == 302 and answer["Location"] == "/"


@sqlite
def test_every_form_needs_its_token(console: Console, page_rows: Rows) -> None:
    strict = signed_in(Client(enforce_csrf_checks=True, HTTP_HOST="localhost"), console.people["owner"])
    assert console.own is not None
    for address in paths_of(page_rows, console.own, PAGES).values():
        assert strict.post(address, {"sure": "1"}).status_code == 403


@sqlite
def test_home_shows_what_is_there(console: Console) -> None:
    page = text_of(console.browser("owner").get("/console/"))
    assert "1 dead job" in page and "Partners by state" in page and "created partner Red Rock" in page
    assert "Mail: 1 mail was not sent" in page
    finance = text_of(console.browser("finance").get("/console/"))
    assert "created partner" not in finance and "New partner" not in finance
    mine = text_of(console.browser("partner_manager").get("/console/"))
    assert "Red Rock" not in mine and "New partner" in mine
