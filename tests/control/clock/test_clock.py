"""Business time and due times."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.accounts.actor import Actor, command_line
from control.accounts.roles import Role
from control.audit.origin import ActorKind
from control.clock.calendar import ALL_DAY, Calendar, NoBusinessTime, after, business_time
from control.clock.due import Clock
from control.clock.reading import read_holidays, read_hours
from control.clock.services import business_calendar, change_calendar
from control.errors import Forbidden, Invalid

DAY = ((9 * 60, 17 * 60),)
OFFICE = Calendar("Europe/Berlin", (DAY,) * 5 + ((), ()), frozenset({date(2026, 12, 25)}))
CALENDARS = [OFFICE, Calendar(), Calendar("America/New_York", (((0, 720), (780, 1440)),) * 7), Calendar("UTC")]
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
LENGTHS = st.integers(0, 200 * 3_600).map(lambda seconds: timedelta(seconds=seconds))
H = timedelta(hours=1)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_week_has_its_hours_without_the_holiday() -> None:
    assert business_time(OFFICE, _at("2026-12-21"), _at("2026-12-28")) == 32 * H
    # 2026-12-24 16:00 in Berlin; the 25th is a holiday, then comes the weekend.
    assert after(OFFICE, _at("2026-12-24T15:00"), 2 * H) == _at("2026-12-28T09:00")


def test_48_hours_from_friday_end_on_tuesday() -> None:
    assert after(Calendar(), _at("2026-11-27T10:00"), 48 * H) == _at("2026-12-01T10:00")


def test_a_day_on_which_the_clock_goes_back_has_25_hours() -> None:
    whole = Calendar("Europe/Berlin", (ALL_DAY,) * 7)
    assert business_time(whole, _at("2026-10-24T22:00"), _at("2026-10-25T23:00")) == 25 * H


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CALENDARS), MOMENTS, LENGTHS)
def test_the_time_until_the_moment_after_a_length_is_that_length(
    calendar: Calendar, start: datetime, length: timedelta
) -> None:
    end = after(calendar, start, length)
    assert end >= start
    assert business_time(calendar, start, end) == length


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CALENDARS), st.lists(MOMENTS, min_size=3, max_size=3))
def test_business_time_adds_up_and_never_exceeds_the_time(calendar: Calendar, moments: list[datetime]) -> None:
    first, middle, last = sorted(moments)
    whole = business_time(calendar, first, last)
    assert business_time(calendar, first, middle) + business_time(calendar, middle, last) == whole
    assert timedelta() <= whole <= last - first
    assert business_time(calendar, last, first) == timedelta() or first == last


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CALENDARS), MOMENTS, LENGTHS.filter(bool), st.lists(LENGTHS, max_size=6))
def test_at_the_due_time_the_allowed_time_is_spent(
    calendar: Calendar, start: datetime, allowed: timedelta, gaps: list[timedelta]
) -> None:
    moments = [start := start + gap for gap in gaps]
    pauses = list(zip(moments[::2], moments[1::2], strict=False))
    clock = Clock(start if not moments else moments[0], allowed, pauses)
    due = clock.due(calendar)
    assert due is not None
    assert clock.spent(calendar, due) == allowed
    assert not clock.is_late(calendar, due)
    without = Clock(clock.started, allowed).due(calendar)
    assert without is not None and without <= due


def test_a_pause_has_no_due_time_and_moves_it_afterwards() -> None:
    start = _at("2026-12-01T10:00")
    assert Clock(start, 48 * H, [(start + H, None)]).due(Calendar()) is None
    assert Clock(start, 48 * H, [(start + H, start + 6 * H)]).due(Calendar()) == _at("2026-12-03T15:00")
    assert Clock(start, 2 * H, [(start + 5 * H, start + 9 * H)]).due(Calendar()) == start + 2 * H


def test_a_calendar_without_hours_is_refused() -> None:
    with pytest.raises(NoBusinessTime, match="too few hours"):
        after(Calendar("UTC", ((),) * 7), _at("2026-12-01"), H)


@pytest.mark.parametrize(
    "hours",
    [[], "09:00", [["9-17"]] * 7, [["09:00-08:00"]] * 7, [["00:00-24:30"]] * 7, [["09:00-12:00", "11:00-13:00"]] * 7],
)
def test_hours_that_cannot_be_are_refused(hours: object) -> None:
    with pytest.raises(ValueError, match=r"spans"):
        read_hours(hours)


def test_holidays_are_days() -> None:
    assert read_holidays(["2026-12-25"]) == {date(2026, 12, 25)}
    with pytest.raises(ValueError, match=r"25\.12"):
        read_holidays(["25.12."])


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_calendar_of_the_installation() -> None:
    boss = command_line()
    assert business_calendar() == Calendar()
    hours = [["09:00-12:00", "13:00-17:00"]] * 5 + [[], []]
    change_calendar(boss, {"zone": "Europe/Berlin", "hours": hours, "holidays": ["2026-12-25"]})
    assert business_time(business_calendar(), _at("2026-12-21"), _at("2026-12-28")) == 28 * H
    for values, field in (
        ({"zone": "Mars"}, "zone"), ({"hours": [[]] * 7}, "hours"), ({"holidays": ["x"]}, "holidays")
    ):  # fmt: skip
        with pytest.raises(Invalid, match=field):
            change_calendar(boss, values)
    with pytest.raises(Forbidden):
        change_calendar(Actor(ActorKind.PERSON, "2", "Mia", role=Role.PARTNER_MANAGER), {"zone": "UTC"})
