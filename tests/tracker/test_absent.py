"""Ids that are placeholders count as absent on links, pixels, postbacks and lines, and are warned of once."""

import pytest

from tests.tracker.edge_fixture import Stage
from tracker.http import absent


@pytest.mark.parametrize("target", ["/c/bl-shoes", "/i/bl-shoes.gif"])
@pytest.mark.parametrize(
    "text", ["undefined", "NULL", "%7Buid%7D", "%257Buid%257D", "%5Bobject%20Object%5D", "%220%22"]
)
def test_on_links(stage: Stage, target: str, text: str) -> None:
    answer = stage.get(f"{target}?user_id={text}&visitor_id={text}&partner_click_id={text}&sub1={text}")
    assert answer.verdict == "accepted" and "clew_v=" in answer.headers["set-cookie"]
    ((_, touch),) = stage.stored("hits")
    assert (touch.user_id, touch.partner_click_id, touch.untrusted) == ("", "", 0)
    assert len(touch.visitor_id) == 22 and touch.subs


def test_on_postbacks(stage: Stage) -> None:
    first, second = (stage.postback(click_id=stage.click_id(), txn_id="undefined", amount="1") for _ in range(2))
    assert (first.json["verdict"], second.json["verdict"]) == ("accepted", "accepted")
    assert first.json["conversion_id"] != second.json["conversion_id"]
    missing = stage.postback(click_id="{click_id}", txn_id="t1")
    assert (missing.status, missing.json["field"]) == (400, "click_id")


def test_on_lines(stage: Stage) -> None:
    click = {"type": "click", "id": "c1", "ts": "2026-01-01T00:00:00Z", "offer_id": 101, "partner_id": 7}
    assert (
        stage.line({**click, "user_id": "null", "visitor_id": "guest", "partner_click_id": "{x}"})["verdict"]
        == "accepted"
    )
    ((_, touch),) = stage.stored("hits")
    assert (touch.user_id, touch.visitor_id, touch.partner_click_id) == ("", "", "")
    sale = {"type": "conversion", "id": "s1", "ts": "2026-01-01T01:00:00Z", "offer_id": 101, "amount": "1.00"}
    refused = stage.line({**sale, "user_id": "undefined"})
    assert (refused["reason"], refused["field"]) == ("malformed", "click_id")
    assert stage.line({**sale, "user_id": "u1", "visitor_id": "-", "txn_id": "none"})["verdict"] == "accepted"
    ((_, conversion),) = stage.stored("conversions")
    assert (conversion.match_kind, conversion.visitor_id, conversion.txn_id) == ("user_id", "", "")


def test_each_sender_is_warned_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    warned: dict[tuple[str, str, str], None] = {}
    monkeypatch.setattr(absent, "_warned", warned)
    monkeypatch.setattr(absent, "SENDERS_MAX", 2)
    for sender in ("a", "a", "b", "c"):
        absent.note_absent("click", sender, ("user_id",))
    assert list(warned) == [("click", "b", "user_id"), ("click", "c", "user_id")]
