"""Reasons of decisions."""

import pytest

from control.accounts.actor import Actor, command_line
from control.accounts.roles import Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind
from control.errors import Conflict, Forbidden, Invalid
from control.reasons.services import change_reason, choose, reason_text, reasons

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.parametrize("database", ["sqlite"], indirect=True)]
BOSS, AREA = command_line(), "application"


def test_defaults_are_there_in_five_languages_and_other_is_last() -> None:
    found = reasons(AREA)
    assert [found[0].code, found[-1].code] == ["requirements_not_met", "other"]
    shown = [reason for reason in found if reason.shown_to_partner]
    assert all({"en", "de", "es", "fr", "ar"} <= reason.texts.keys() for reason in shown)


def test_a_reason_is_chosen_by_its_code() -> None:
    chosen = choose(AREA, "off_topic", "We sell shoes.")
    assert reason_text(AREA, chosen, "de-AT").startswith("Die Inhalte Ihrer Website passen nicht")
    assert reason_text(AREA, chosen, "de").endswith("\n\nWe sell shoes.")
    assert reason_text(AREA, choose(AREA, "other", "No shoes."), "en") == "No shoes."
    assert reason_text(AREA, choose(AREA, "suspected_fraud", "See ticket 7."), "en") == ""


@pytest.mark.parametrize(
    ("code", "text", "message"),
    [("", "", "reason: is missing"), ("nonsense", "", "one of requirements_not_met"), ("other", " ", "reason_text")],
)
def test_a_reason_that_does_not_do_is_refused(code: str, text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        choose(AREA, code, text)


def test_reasons_are_changed_added_and_archived() -> None:
    change_reason(BOSS, AREA, "off_topic", {"texts": {"en": "Not about shoes."}})
    assert reason_text(AREA, choose(AREA, "off_topic"), "de") == "Not about shoes."
    change_reason(BOSS, AREA, "too_small", {"texts": {"en": "Too few visitors."}, "position": 1})
    assert reasons(AREA)[0].code == "too_small"
    chosen = choose(AREA, "too_small")
    change_reason(BOSS, AREA, "too_small", {"is_archived": True})
    with pytest.raises(Invalid, match="reason"):
        choose(AREA, "too_small")
    assert reason_text(AREA, chosen, "en") == "Too few visitors."
    assert AuditEvent.objects.filter(object_type="reasons.reason").count() == 3


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(Conflict, match="other"):
        change_reason(BOSS, AREA, "other", {"is_archived": True})
    for code, values, field in (
        ("Bad Code", {"texts": {"en": "x"}}, "code"), ("fine", {"texts": {"de": "x"}}, "texts"),
        ("fine", {"texts": {"en": "x"}, "color": "red"}, "color"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match=field):
            change_reason(BOSS, AREA, code, values)
    with pytest.raises(Forbidden):
        change_reason(Actor(ActorKind.PERSON, "2", "Mia", role=Role.FINANCE), AREA, "fine", {"texts": {"en": "x"}})
