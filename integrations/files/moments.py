"""Timestamps of the events of one row. Pure.

A local time that occurs twice is resolved by the click or impression that the event names, since a conversion is not
before its click: an event of the same row, or the time inside a click id. If both times remain possible,
`repeated_time` of the mapping decides; without it, the event is a problem line.
"""

from collections.abc import Mapping

from integrations.files.mapping.events import CLICK, IMPRESSION, EventRule
from integrations.files.mapping.templates import TimeReader
from program.toml.tables import BadValue
from schemas.values.click_id import facts_of, from_text

Moments = tuple[int, ...]
Timestamps = dict[int, int | BadValue]
"""Microseconds since 1970 by the index of the rule, or the error of a rule without a timestamp."""
_REFERENCES = (("click_ref", CLICK, "click"), ("impression_ref", IMPRESSION, "impression"))


def timestamps_of(rules: Mapping[int, EventRule], values: Mapping[str, str], times: TimeReader) -> Timestamps:
    """Return the timestamp of each rule that applies to a row."""
    found: Timestamps = {}
    repeated: dict[int, Moments] = {}
    for index, rule in rules.items():
        try:
            moments = _read(rule, values, times)
        except BadValue as error:
            found[index] = error
            continue
        found[index] = moments[0]
        if len(moments) > 1:
            repeated[index] = moments
    if repeated:
        _resolve(found, repeated, rules, values, times)
    return found


def _read(rule: EventRule, values: Mapping[str, str], times: TimeReader) -> Moments:
    text = rule.fields["ts"].fill(values).strip()
    if not text:
        raise BadValue("ts is empty")
    try:
        moments = times.moments(text)
    except BadValue as error:
        raise BadValue(f"ts {error}") from None
    if moments[0] < 0:
        raise BadValue(f"ts {text[:40]!r} is before 1970")
    if len(moments) > 1:
        earliest = _time_of_token(rule, values)
        return tuple(moment for moment in moments if moment >= earliest) or moments
    return moments


def _time_of_token(rule: EventRule, values: Mapping[str, str]) -> int:
    """Return the time inside the click id or impression id that an event names; 0 if it names none."""
    for name in ("click_id", "impression_id"):
        if name in rule.fields and rule.type == "conversion":
            token = from_text(rule.fields[name].fill(values).strip())
            if token is not None:
                return facts_of(token).ts_ms * 1_000
    return 0


def _resolve(
    found: Timestamps,
    repeated: Mapping[int, Moments],
    rules: Mapping[int, EventRule],
    values: Mapping[str, str],
    times: TimeReader,
) -> None:
    """Replace the timestamps of repeated local times by the resolved ones, or by errors."""
    touches = {index: touch for index in rules if (touch := _touch_of(index, rules)) is not None}

    def moments(index: int) -> Moments:
        known = found[index]
        return repeated.get(index) or (() if isinstance(known, BadValue) else (known,))

    for index in (index for index in repeated if index not in touches):
        others = [moments(other) for other, touch in touches.items() if touch == index]
        possible = [m for m in repeated[index] if all(not other or max(other) >= m for other in others)]
        found[index] = _choose(possible or list(repeated[index]), rules[index], values, times)
    for index in (index for index in repeated if index in touches):
        begin = found[touches[index]]
        possible = [m for m in repeated[index] if isinstance(begin, BadValue) or m >= begin]
        found[index] = _choose(possible or list(repeated[index]), rules[index], values, times)


def _touch_of(index: int, rules: Mapping[int, EventRule]) -> int | None:
    """Return the index of the click or impression of the same row that an event names; None if it names none."""
    for name, special, kind in _REFERENCES:
        template = rules[index].fields.get(name)
        if template is not None and template.columns == (special,) and template.literals == ("", ""):
            earlier = [other for other in rules if other < index and rules[other].type == kind]
            return earlier[-1] if earlier else None
    return None


def _choose(possible: list[int], rule: EventRule, values: Mapping[str, str], times: TimeReader) -> int | BadValue:
    if len(possible) == 1:
        return possible[0]
    if times.repeated:
        return possible[0] if times.repeated == "first" else possible[-1]
    text = rule.fields["ts"].fill(values).strip()
    return BadValue(
        f"ts {text[:40]!r} occurred twice in {times.zone}, where the clocks were set back; set repeated_time in "
        '[source] to "first" or "second", or use times with an offset'
    )
