"""Audit events for people: sentences, values, durations."""

from typing import Any

import pytest

from control.audit.models import AuditEvent
from control.console.differences import (
    Difference,
    differences,
    duration_text,
    field_text,
    page_of,
    sentence,
    summary,
    type_text,
    value_text,
    verb,
)
from control.program.models import Plan


def event(**values: Any) -> AuditEvent:
    given = {"actor_name": "Olivia", "action": "updated", "object_type": "partners.partner", "object_id": "7", **values}
    return AuditEvent(**given)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"object_name": "Lagoon"}, "Olivia changed partner Lagoon"),
        ({"action": "created"}, "Olivia created partner 7"),
        ({"actor_name": "", "action": "deleted", "object_name": "Lagoon"}, "Somebody deleted partner Lagoon"),
        ({"object_type": "accounts.apikey", "action": "created", "object_name": "shop"}, "Olivia created API key shop"),
        ({"object_type": "gone.thing", "object_name": "x"}, "Olivia changed thing x"),
        (
            {"object_type": "accounts.user", "object_id": "1", "actor_id": "1", "action": "signed_in"},
            "Olivia signed in",
        ),
        (
            {"object_type": "program.programversion", "action": "published", "object_name": "version 1"},
            "Olivia published version 1",
        ),
    ],
)
def test_sentence(values: dict[str, Any], text: str) -> None:
    assert sentence(event(**values)) == text


def test_differences_leave_out_what_was_and_is_empty() -> None:
    changed = event(before={"tier": "", "group": None, "tags": ["a"]}, after={"tier": "Gold", "group": "", "tags": []})
    assert differences(changed, {}) == [Difference("Tier", "", "Gold"), Difference("Tags", "a", "")]
    assert summary(changed, {}) == "Tier: none → Gold · Tags: a → none"
    assert summary(event(action="created", after={"tier": "Gold"}), {}) == ""


def test_summary_is_short() -> None:
    names = ("tier", "group", "name", "company", "country")
    text = summary(event(before=dict.fromkeys(names, ""), after=dict.fromkeys(names, "x" * 100)), {})
    assert text.endswith("2 more") and "x" * 60 + "…" in text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("state", "draft", "Draft"),
        ("ending", True, "Yes"),
        ("ending", False, "No"),
        ("percent_e6", 8_500_000, "8.5\u202f%"),
        ("hold_us", 30 * 86_400_000_000, "30 days"),
        ("fixed_minor", 120, "120"),
        ("valid_from", "2026-11-28T01:02:03Z", "28 Nov 2026, 01:02"),
        ("model", "not a date Z", "not a date Z"),
        ("anything", {"a": 1, "b": [True]}, "a: 1, b: Yes"),
        ("anything", "(hidden)", "hidden"),
        ("manager_id", "1b4e28ba-2fa1-11d2-883f-0016d3cca427", "Marc"),
        ("anything", None, ""),
    ],
)
def test_value_text(name: str, value: Any, text: str) -> None:
    assert value_text(Plan, name, value, {"1b4e28ba-2fa1-11d2-883f-0016d3cca427": "Marc"}) == text


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(86_400_000_000, "1 day"), (7_200_000_000, "2 hours"), (90_000_000, "90 seconds"), (1_500_000, "1.5 seconds")],
)
def test_duration_text(microseconds: int, text: str) -> None:
    assert duration_text(microseconds) == text


def test_names_of_fields_kinds_and_actions() -> None:
    assert field_text(Plan, "click_window_us") == "Click window" and field_text(Plan, "percent_e6") == "Percent"
    assert field_text(None, "manager_id") == "Manager" and type_text("program.programversion") == "Program version"
    assert verb("signed_in") == "signed in" and verb("updated") == "changed"


def test_pages_of_objects() -> None:
    assert page_of(event()) == "/console/partners/7/"
    assert page_of(event(action="deleted")) == page_of(event(object_id="x")) == page_of(event(object_type="a.b")) == ""
