"""Numbers of rows: small ones are counted each time, large ones are some seconds old at most."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from control.accounts.actor import command_line
from control.accounts.roles import Role
from control.audit.origin import acting
from control.console.lists import counts as module
from control.console.lists.counts import KEPT_S, KeptCounts
from control.console.waiting import applied_partners, asked_approvals, drafts
from control.partners.models import Partner
from control.partners.services import create_partner
from control.ui.moments import day_text, minute_text, second_text
from runtime.clock import ManualClock
from tests.control.console.installation import Console


def add_partners(number: int, status: str = "active") -> None:
    boss = command_line()
    with acting(boss):
        for index in range(number):
            create_partner(boss, {"name": f"Partner {index}"}, status)


def test_large_numbers_are_kept_for_a_time(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock(0)
    kept, rows, before = KeptCounts(clock), Partner.objects.order_by("name"), Partner.objects.count()
    add_partners(2)
    assert kept.count(rows) == before + 2
    add_partners(1)
    assert kept.count(rows) == before + 3, "a small number is counted again"
    monkeypatch.setattr(module, "KEPT_ROWS_MIN", 1)
    assert kept.count(rows) == before + 3
    add_partners(1, "applied")
    assert kept.count(rows) == before + 3
    applied = Partner.objects.filter(status="applied").count()
    assert kept.count(rows.filter(status="applied")) == applied, "another filter is another number"
    clock.step_us(int(KEPT_S * 1e6))
    assert kept.count(rows) == before + 4
    assert kept.count(rows.none()) == 0


def test_the_number_of_kept_counts_is_bounded(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_ROWS_MIN", 0)
    monkeypatch.setattr(module, "_KEPT_MAX", 3)
    kept = KeptCounts(ManualClock(0))
    for number in range(10):
        kept.kept(number, lambda: 1, int)
    assert [kept.kept(number, lambda: 2, int) for number in (7, 8, 9)] == [1, 1, 1]
    assert kept.kept(0, lambda: 2, int) == 2


@pytest.mark.parametrize("role", [Role.OWNER, Role.PARTNER_MANAGER])
def test_what_waits_is_counted_once_for_a_page(console: Console, role: Role) -> None:
    add_partners(3, "applied")
    request = RequestFactory().get("/console/")
    user = console.people[role.value]
    request.actor = console.actor(role.value)  # type: ignore[attr-defined]
    visible = Partner.objects.filter(status="applied")
    visible = visible if role is Role.OWNER else visible.filter(manager=user)
    with CaptureQueriesContext(connection) as queries:
        numbers = applied_partners(request), asked_approvals(request), drafts(request)
    assert len(queries) == (1 if role is Role.OWNER else 4)
    assert numbers[0] == visible.count()


def test_texts_of_moments() -> None:
    moment = datetime(2026, 3, 5, 9, 4, 7, tzinfo=UTC)
    assert (day_text(moment), day_text(moment.date())) == ("5 Mar 2026", "5 Mar 2026")
    assert (minute_text(moment), second_text(moment)) == ("5 Mar 2026, 09:04", "5 Mar 2026, 09:04:07")
