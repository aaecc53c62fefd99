"""Contracts: evidence, guards, notice, the clock, and transitions that nobody gets around."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control.accounts.actor import Actor
from control.accounts.roles import PartnerRole, Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind
from control.checks import check_all
from control.contracts import services
from control.contracts.archive import evidence_zip
from control.contracts.models import Contract, TemplateVersion
from control.contracts.pdf import pdf_of
from control.contracts.periods import end_after, first_end, notice_starts
from control.contracts.states import TRANSITIONS, ContractState
from control.contracts.templates import publish_version, save_draft
from control.contracts.texts import hash_of, html_of
from control.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from control.files.models import FileChunk
from tests.control.contracts.sample import partner_with_owner, person, published, signature, terms
from tests.control.program.sample import ANN, lagoon

sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
CLOCK = Actor(ActorKind.JOB, "1", "contracts.advance")


def test_an_acceptance_leaves_evidence_that_can_be_recomputed(database: object) -> None:
    published(percents=("7", "7.5", "8"))
    partner, ana = partner_with_owner()
    sent = services.send_contract(ANN, partner.number, "creators", {"company": "Blue *Lagoon*"})
    assert sent.version.number == 3 and "Payout for offer" in sent.text and "8 %" in sent.text
    assert services.open_contract(ana, sent.pk).state == "viewed"
    made = services.accept(ana, sent.pk, signature(sent))
    assert made.state == "active" and made.starts is not None
    with zipfile.ZipFile(io.BytesIO(evidence_zip(made))) as archive:
        facts = json.loads(archive.read("evidence.json"))
        text, page, pdf = (archive.read(name) for name in ("text.md", "snapshot.html", "contract.pdf"))
    told = facts["acceptance"]
    assert hash_of(text) == facts["text_sha256"] == told["sha256"] and hash_of(pdf) == facts["pdf_sha256"]
    assert (told["typed_name"], told["ip"], told["user_agent"]) == ("Ana Berger", "192.0.2.7", "Browser/1")
    assert told["session"] == hash_of("s1") and told["at"] and told["opened"]
    assert b"<strong>our</strong>" in page and b"Blue *Lagoon*" in page and pdf.startswith(b"%PDF")


@sqlite
def test_a_pdf_that_was_altered_by_one_byte_is_found_by_name(database: object) -> None:
    published()
    partner, ana = partner_with_owner()
    sent = services.send_contract(ANN, partner.number, "creators")
    made = services.accept(ana, sent.pk, signature(sent))
    name = "contracts that differ from what was accepted"
    assert made.pdf is not None
    assert [check.faults for check in check_all() if check.name == name] == [()]
    chunk = FileChunk.objects.get(file=made.pdf)
    content = bytearray(chunk.content)
    content[len(content) // 2] ^= 1
    FileChunk.objects.filter(pk=chunk.pk).update(content=bytes(content))
    (faults,) = (check.faults for check in check_all() if check.name == name)
    assert faults == (f"{made}.pdf: the file does not have its hash",)


@sqlite
def test_only_the_owner_signs_and_never_while_somebody_looks_on(database: object) -> None:
    published()
    partner, ana = partner_with_owner()
    sent = services.send_contract(ANN, partner.number, "creators")
    manager = replace(ana, viewer_role=Role.OWNER)
    assert services.open_contract(manager, sent.pk).state == "sent", "who looks on does not open it"
    key = Actor(ActorKind.API_KEY, "1", "key", partner=partner.number, partner_role=PartnerRole.OWNER)
    for actor in (manager, ANN, key, person(partner, PartnerRole.MEMBER)):
        with pytest.raises(Forbidden):
            services.accept(actor, sent.pk, signature(sent))
        with pytest.raises(Forbidden):
            services.decline(actor, sent.pk, "no")
    with pytest.raises(NotFound):
        services.accept(person(lagoon("Red")), sent.pk, signature(sent))
    with pytest.raises(Invalid, match="authority"):
        services.accept(ana, sent.pk, signature(sent, authority=False))
    with pytest.raises(Conflict, match="another one"):
        services.accept(ana, sent.pk, signature(sent, sha256="0" * 64))


@sqlite
def test_a_published_version_never_changes(database: object) -> None:
    first = published()
    draft = save_draft(ANN, first.template_id, terms("9"))
    assert draft.number == 2 and TemplateVersion.objects.get(pk=first.pk).sha256 == first.sha256
    partner, ana = partner_with_owner()
    sent = services.send_contract(ANN, partner.number, "creators")
    assert sent.version.number == 1, "drafts are not sent"
    publish_version(ANN, first.template_id)
    assert services.accept(ana, sent.pk, signature(sent)).version.number == 1
    with pytest.raises(Conflict, match="no draft"):
        publish_version(ANN, first.template_id)
    with pytest.raises(Invalid, match="owner"):
        save_draft(ANN, first.template_id, {"texts": {"en": "{{ owner }}"}})
    with pytest.raises(Invalid, match="no published template"):
        services.send_contract(ANN, partner.number, "nothing")


@sqlite
def test_an_end_without_a_cause_gives_notice(database: object) -> None:
    published(notice_days=30)
    partner, ana = partner_with_owner()
    sent = services.send_contract(ANN, partner.number, "creators", tz="Europe/Berlin")
    made = services.accept(ana, sent.pk, signature(sent))
    first = first_end(timezone.now(), 30, "Europe/Berlin")
    with pytest.raises(Conflict, match=first.isoformat().replace("+", r"\+")):
        services.terminate(ANN, made.pk, timezone.now() + timedelta(days=10), reason="no sales")
    ended = services.terminate(ANN, made.pk, reason="no sales")
    assert ended.ends == first and services.is_in_force(ended, first - timedelta(microseconds=1))
    assert not services.is_in_force(ended, first)


@sqlite
def test_an_operator_signs_second_where_the_template_says_so(database: object) -> None:
    published(countersign=True)
    partner, ana = partner_with_owner()
    sent = services.send_contract(ANN, partner.number, "creators")
    with pytest.raises(Conflict):
        services.countersign(ANN, sent.pk)
    assert services.accept(ana, sent.pk, signature(sent)).state == "accepted"
    made = services.countersign(ANN, sent.pk)
    assert (made.state, made.countersigned_by) == ("active", "Ann")


@sqlite
def test_the_clock_starts_and_ends_contracts_in_their_zone(database: object) -> None:
    published(term_months=12, notice_days=30)
    partner, ana = partner_with_owner()
    starts = timezone.now() + timedelta(days=3)
    sent = services.send_contract(ANN, partner.number, "creators", tz="Europe/Berlin", starts=starts)
    made = services.accept(ana, sent.pk, signature(sent))
    assert made.state == "accepted" and made.ends is not None
    assert services.advance(CLOCK, made.pk, starts - timedelta(seconds=1)) is None
    states = []
    notice = notice_starts(made.ends, 30, "Europe/Berlin")
    for at in (starts, notice - timedelta(seconds=1), notice, made.ends - timedelta(microseconds=1), made.ends):
        services.advance(CLOCK, made.pk, at)
        states.append(Contract.objects.get(pk=made.pk).state)
    assert states == ["active", "active", "expiring", "expiring", "expired"]


def test_ends_are_midnights_of_the_zone() -> None:
    start = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)  # 1 March in Berlin
    assert end_after(start, 1, "Europe/Berlin").astimezone(UTC) == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert end_after(start, 12, "Europe/Berlin").astimezone(UTC) == datetime(2027, 2, 28, 23, tzinfo=UTC)
    assert end_after(datetime(2026, 1, 31, tzinfo=UTC), 1, "UTC") == datetime(2026, 2, 28, tzinfo=UTC)


def test_values_and_texts_cannot_bring_mark_up() -> None:
    shown = html_of("<script>x</script> [a](javascript:x) [b](https://b.example) ![i](https://i.example/x.png)")
    assert "<script" not in shown and "javascript" not in shown.replace("javascript:x)", "") and "<img" not in shown
    assert 'href="https://b.example"' in shown


_CODES = count()
Step = Callable[[Contract, Actor], object]
STEPS: dict[str, Step] = {
    "open": lambda row, ana: services.open_contract(ana, row.pk),
    "accept": lambda row, ana: services.accept(ana, row.pk, signature(row)),
    "decline": lambda row, ana: services.decline(ana, row.pk, "too low"),
    "withdraw": lambda row, ana: services.withdraw(ANN, row.pk, "a mistake"),
    "countersign": lambda row, ana: services.countersign(ANN, row.pk),
    "terminate": lambda row, ana: services.terminate(ANN, row.pk, cause=True, reason="fraud"),
    "month": lambda row, ana: services.advance(CLOCK, row.pk, timezone.now() + timedelta(days=25)),
    "year": lambda row, ana: services.advance(CLOCK, row.pk, timezone.now() + timedelta(days=400)),
}


@sqlite
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(both=st.booleans(), steps=st.lists(st.sampled_from(sorted(STEPS)), max_size=8))
def test_no_way_around_the_transitions_and_each_is_one_event(database: object, both: bool, steps: list[str]) -> None:
    code = f"t{next(_CODES)}"
    published(code, term_months=2, countersign=both)
    partner = lagoon()
    ana = person(partner)
    row = services.send_contract(ANN, partner.number, code)
    states = [ContractState(row.state)]
    for name in steps:
        before = Contract.objects.get(pk=row.pk).state
        try:
            STEPS[name](row, ana)
        except Refused:
            assert Contract.objects.get(pk=row.pk).state == before
    events = AuditEvent.objects.filter(object_type="contracts.contract", object_id=str(row.pk)).order_by("id")
    for event in events[1:]:
        assert event.after is not None and "state" in event.after, "each event is a transition"
        states.append(ContractState(event.after["state"]))
    assert states[-1] == Contract.objects.get(pk=row.pk).state
    assert all(new in TRANSITIONS[old] for old, new in pairwise(states))


def test_every_character_becomes_a_pdf() -> None:
    """Quotes, code of the typesetter and control characters are text; a server that failed here could sign nothing."""
    text = (
        '# "Terms" \\\\ #read("/etc/passwd")\n\n* a\x08b\x0c\x01 $x$ `"#eval("1")"` é ش [link](https://shop.example/"a)'
    )
    assert pdf_of(text, [("Accepted by", 'Ana "\\" <ana@shop.example>')], datetime(2026, 3, 1, tzinfo=UTC)).startswith(
        b"%PDF"
    )
