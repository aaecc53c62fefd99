"""Leads: their way from partner to partner, and what each may see and do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control.accounts.actor import Actor, command_line
from control.accounts.people import add_operator, new_user, store_with_seat
from control.accounts.roles import PartnerRole
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, acting
from control.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from control.leads import services
from control.leads.models import Lead, LeadOffer
from control.leads.selectors import channel_conflicts, lead_of, visible_leads
from control.leads.states import TRANSITIONS, LeadState
from control.leads.tasks import move_leads
from control.mail.models import OutgoingMail
from control.partners.models import Partner
from control.partners.services import create_partner
from control.territories.services import create_territory
from tests.control.api.conftest import Api, api
from tests.control.console.installation import signed_in

__all__ = ["api"]
BOSS = command_line()
MakeApi = Callable[..., Api]
sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
MONDAY = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
FRIDAY = MONDAY + timedelta(days=4)
SECRET = "Zyzzyva Works"


def _partner(name: str) -> Partner:
    partner = create_partner(BOSS, {"name": name, "email": f"{name.lower()}@x.example"}, "active")
    user = new_user(f"owner@{name.lower()}.example", name, None)
    with acting(BOSS):
        store_with_seat(user, partner.number, PartnerRole.OWNER)
    return partner


def _actor(partner: Partner) -> Actor:
    user = partner.seats.get().user
    return Actor(ActorKind.PERSON, str(user.pk), str(user), partner=partner.number, partner_role=PartnerRole.OWNER)


def _lead(**values: Any) -> Lead:
    given = {"company": SECRET, "contact": "Zyz", "email": "z@zyzzyva.example", "postal": "15500", "consent": True}
    (lead,) = services.create_leads(BOSS, [given | values])
    return lead


def _sent() -> list[tuple[str, str]]:
    """Return reader and subject of the mails, in their order."""
    return [(mail.recipients[0], mail.subject) for mail in OutgoingMail.objects.order_by("created", "pk")]


@pytest.fixture
def two(database: object) -> tuple[Partner, Partner]:
    """P7 owns 15000-16000, P9 the land around it; a manager is told of what is left."""
    seven, nine = _partner("P7"), _partner("P9")
    create_territory(BOSS, {"name": "T1", "rank": 2, "rules": {"postal": ["10000-19999"]}}, {nine.number: 1})
    create_territory(BOSS, {"name": "T2", "rank": 1, "rules": {"postal": ["15000-16000"]}}, {seven.number: 1})
    manager = add_operator(BOSS, "catch@acme.example", "partner_manager", "Carla Catchall")
    services.change_routing(BOSS, {"manager": manager})
    return seven, nine


def test_a_lead_goes_on_until_nobody_is_left(two: tuple[Partner, Partner]) -> None:
    """The scenario of the specification, with its instants."""
    seven, nine = two
    lead = _lead()
    assert move_leads(FRIDAY) == 1
    lead = lead_of(_actor(seven), lead.pk)
    due = FRIDAY + timedelta(days=3)  # 24 business hours from Friday 09:00 end on Monday
    assert (lead.state, lead.offered_to, lead.deadline) == ("offered", seven, due)
    with pytest.raises(NotFound):
        lead_of(_actor(nine), lead.pk)

    assert move_leads(due - timedelta(microseconds=1)) == 0
    assert move_leads(due) == 1
    with pytest.raises(NotFound):
        lead_of(_actor(seven), lead.pk)
    with pytest.raises(NotFound):
        services.accept(_actor(seven), lead.pk, due)
    accepted = due + timedelta(hours=1)
    assert services.accept(_actor(nine), lead.pk, accepted).partner == nine

    week = [accepted + timedelta(days=7) * part / 3 for part in (1, 2, 3)]
    for number, instant in enumerate(week, start=1):
        assert move_leads(instant - timedelta(microseconds=1)) == 0
        assert move_leads(instant) == 1
        reminded = [reader for reader, subject in _sent() if subject == "A lead waits for you"]
        assert reminded == ["owner@p9.example"] * min(number, 2)
    lead.refresh_from_db()
    assert (lead.state, lead.partner, lead.escalated) == ("new", None, week[-1])
    assert _sent()[-2:] == [
        ("owner@p9.example", "A lead was taken back"),
        ("catch@acme.example", f"Nobody takes the lead {SECRET}"),
    ]
    with pytest.raises(NotFound):
        lead_of(_actor(nine), lead.pk)
    offers = [(offer.partner_id, offer.answer) for offer in LeadOffer.objects.order_by("rank")]
    assert offers == [(seven.number, "late"), (nine.number, "reclaimed")]

    assert move_leads(week[-1] + timedelta(days=1)) == 0  # it waits for the manager
    with acting(BOSS):
        Lead.objects.filter(pk=lead.pk).update(created=FRIDAY)
    assert move_leads(FRIDAY + timedelta(days=30)) == 1
    lead.refresh_from_db()
    assert lead.state == "expired"


@sqlite
def test_a_lead_without_consent_is_offered_to_nobody(two: tuple[Partner, Partner]) -> None:
    lead = _lead(consent=False)
    assert move_leads(MONDAY) == 0
    for attempt in (
        lambda: services.route(BOSS, lead.pk, MONDAY),
        lambda: services.offer_to(BOSS, lead.pk, two[0].number, MONDAY),
    ):
        with pytest.raises(Conflict, match="has not agreed"):
            attempt()
    services.change_lead(BOSS, lead.pk, {"consent": True})
    assert move_leads(MONDAY) == 1
    with pytest.raises(Invalid, match="take it back first"):
        services.change_lead(BOSS, lead.pk, {"consent": False})
    with acting(BOSS):
        Lead.objects.filter(pk=lead.pk).update(consent=False)  # whatever happens, it is not shown
    assert not visible_leads(_actor(two[0])).exists()


@sqlite
def test_the_same_company_with_two_partners_is_a_conflict(two: tuple[Partner, Partner]) -> None:
    _lead(), _lead(company=f" {SECRET.upper()} ", postal="10001"), _lead(company="Other")
    move_leads(MONDAY)
    (found,) = channel_conflicts(BOSS)
    assert {lead.offered_to for lead in found} == {*two}


def _attempts(lead: Lead, partner: Partner, now: datetime) -> dict[str, Callable[[], Any]]:
    own = _actor(partner)
    return {
        "route": lambda: services.route(BOSS, lead.pk, now),
        "offer": lambda: services.offer_to(BOSS, lead.pk, partner.number, now),
        "accept": lambda: services.accept(own, lead.pk, now),
        "decline": lambda: services.decline(own, lead.pk, "too far", now),
        "work": lambda: services.work(own, lead.pk, now),
        "win": lambda: services.win(own, lead.pk, now, "10-4711"),
        "lose": lambda: services.lose(own, lead.pk, "no money", now),
        "take_back": lambda: services.take_back(BOSS, lead.pk, "asked", now),
        "expire": lambda: services.expire(BOSS, lead.pk, now),
        "late": lambda: services.late(BOSS, lead.pk, now),
    }


NAMES = ["route", "offer", "accept", "decline", "work", "win", "lose", "take_back", "expire", "late"]


@sqlite
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.booleans(), st.integers(0, 30)), min_size=4, max_size=10))
def test_there_is_no_way_around_the_transitions(
    two: tuple[Partner, Partner], steps: list[tuple[str, bool, int]]
) -> None:
    lead, now = _lead(), MONDAY
    events = AuditEvent.objects.filter(object_type="leads.lead", object_id=str(lead.pk))
    for name, is_first, hours in steps:
        now += timedelta(hours=hours)
        before, count = LeadState(Lead.objects.get(pk=lead.pk).state), events.count()
        try:
            moved = _attempts(lead, two[0] if is_first else two[1], now)[name]() is not False
        except Refused:
            moved = False
        after = Lead.objects.get(pk=lead.pk)
        assert events.count() - count == moved, name
        if not moved:
            assert after.state == before
        elif name == "route" and after.state == "new":  # nobody is left
            assert after.escalated == now
        else:
            assert after.state in TRANSITIONS[before], (name, before, after.state)
        assert (after.partner is not None) == (after.state in {"accepted", "working", "won", "lost"})
        assert (after.offered_to is not None) == (after.state == "offered") == (after.deadline is not None)


def test_a_partner_sees_details_once_it_has_accepted(two: tuple[Partner, Partner], api: MakeApi) -> None:
    seven, nine = two
    boss, own, other = api("admin"), api("admin", seven.number), api("admin", nine.number)
    body = {"company": SECRET, "email": "z@zyzzyva.example", "postal": "15500", "consent": True, "note": "zyzzyva"}
    value = {"amount": "12000.00", "currency": "USD"}
    status, made, _ = boss("POST", "/leads", {"items": [body | {"value": value}, {"company": "Later"}]})
    assert status == 201 and [item["state"] for item in made["items"]] == ["new", "new"]
    assert made["items"][0]["value"] == value
    path = f"/leads/{made['items'][0]['id']}"
    assert own("GET", "/leads")[1]["items"] == []
    move_leads(datetime.now(UTC))

    (offered,) = own("GET", "/leads?q=")[1]["items"]
    assert offered["postal"] == "15500" and offered["value"] is None and "zyz" not in str(offered).lower()
    assert own("GET", "/leads?q=zyzzyva")[1]["items"] == []
    assert other("GET", path)[0] == 404 and other("POST", f"{path}/accept")[0] == 404
    assert boss("POST", f"{path}/accept")[0] == 403
    ways = boss("POST", "/leads/preview", {"postal": "15500"})[1]["items"]
    assert [way["partner"] for way in ways] == [seven.number, nine.number]

    status, accepted, _ = own("POST", f"{path}/accept")
    assert (status, accepted["company"], accepted["email"]) == (200, SECRET, "z@zyzzyva.example")
    assert own("POST", f"{path}/accept")[0] == 409
    assert own("POST", f"{path}/transitions", {"to": "won", "order_number": "1"})[0] == 409
    assert own("POST", f"{path}/transitions", {"to": "working"})[1]["state"] == "working"
    status, problem, _ = own("POST", f"{path}/transitions", {"to": "won"})
    assert (status, problem["errors"][0]["field"]) == (422, "order_number")
    won = own("POST", f"{path}/transitions", {"to": "won", "order_number": "10-4711", "conversions": ["0" * 32]})[1]
    assert (won["state"], won["order_number"], won["conversions"]) == ("won", "10-4711", ["0" * 32])
    (offer,) = boss("GET", f"{path}/offers")[1]["items"]
    assert (offer["partner"], offer["answer"]) == (seven.number, "accepted") and "Territory T2" in offer["why"]


@sqlite
@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([{"company": ""}], "company"),
        ([{"company": "A"}, {"company": "B", "country": "Germany"}], "items[1].country"),
        ([{"company": "A", "value": {"amount": "-1", "currency": "USD"}}], "items[0].value"),
        ([{"company": "A", "value": {"amount": "1", "currency": "dollars"}}], "body.items[0].value.currency"),
    ],
)
def test_bad_leads_are_refused_with_their_field(
    database: object, api: MakeApi, items: list[dict[str, Any]], field: str
) -> None:
    status, problem, _ = api()("POST", "/leads", {"items": items})
    assert status == 422 and problem["errors"][0]["field"] in (field, field.removeprefix("body.")), problem
    assert not Lead.objects.exists()


@sqlite
def test_bounds_of_bulk_creation_and_rights(two: tuple[Partner, Partner]) -> None:
    with pytest.raises(Invalid, match="1 to 1000"):
        services.create_leads(BOSS, [{"company": "A"}] * 1_001)
    assert len(services.create_leads(BOSS, [{"company": f"A{number}"} for number in range(1_000)])) == 1_000
    with pytest.raises(Forbidden):
        services.create_leads(_actor(two[0]), [{"company": "A"}])
    with pytest.raises(Invalid, match="there is no partner 999"):
        services.change_routing(BOSS, {"pool": {"999": 1}})


@sqlite
def test_pages_of_leads(two: tuple[Partner, Partner]) -> None:
    owner = add_operator(BOSS, "owner@acme.example", "owner", "Olivia")
    console = signed_in(Client(HTTP_HOST="localhost"), owner)
    values = {"company": SECRET, "postal": "15500", "consent": "on", "value": "1200 USD"}
    assert "must be an amount" in console.post("/console/leads/new/", {**values, "value": "x"}).content.decode()
    address = console.post("/console/leads/new/", values).headers["Location"]
    console.post(address, {"do": "offer"})
    page = console.get(address).content.decode()
    assert "P7 (asked)" in page and "Territory T2" in page
    assert "1. P7" in console.get("/console/leads/preview/?postal=15500").content.decode()
    assert SECRET in console.get("/console/leads/?state=offered").content.decode()

    portal = signed_in(Client(HTTP_HOST="localhost"), two[0].seats.get().user)
    other = signed_in(Client(HTTP_HOST="localhost"), two[1].seats.get().user)
    own = address.replace("/console/", "/portal/")
    for shown in (portal.get("/portal/leads/").content.decode(), portal.get(own).content.decode()):
        assert SECRET not in shown and "15500" in shown
    assert other.get(own).status_code == 404
    assert "say why" in portal.post(own, {"do": "decline"}).content.decode()
    assert portal.post(own, {"do": "accept"}, follow=True).content.decode().count(SECRET) > 0
    portal.post(own, {"do": "working"})
    assert "is missing" in portal.post(own, {"do": "won"}).content.decode()
    assert portal.post(own, {"do": "won", "order_number": "10-4711"}).status_code == 302
    assert "10-4711" in console.get(address).content.decode()
    assert (
        "The routing is saved"
        in console.post(
            "/console/leads/routing/",
            {"accept_h": 8, "idle_days": 9, "expire_days": 30, "max_open": 5, "pool": f"{two[1].number}: 2"},
            follow=True,
        ).content.decode()
    )
