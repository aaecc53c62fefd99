"""With truncated addresses, no whole address of a visitor is stored, wherever a sender puts it."""

import pytest

from runtime.settings import TrackerSettings
from schemas.values.ip_addresses import masked, truncated
from tests.tracker.edge_fixture import SECRET, Stage


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("198.51.100.77", "198.51.100.0"),
        ("198.51.100.77:443", "198.51.100.0"),
        (" 198.51.100.77 ", "198.51.100.0"),
        ("198.51.100.77, 203.0.113.9", "198.51.100.0"),
        ("[2001:db8:1:2::3]:443", "2001:db8:1::"),
        ("2001:db8:1:2::3%eth0", "2001:db8:1::"),
        ("::ffff:198.51.100.77", "198.51.100.0"),
        ("host", ""),
        ("198.51.100.777", ""),
    ],
)
def test_truncated_addresses(text: str, stored: str) -> None:
    assert truncated(text) == stored


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("198.51.100.77:443", "198.51.100.0:443"),
        ('{"ip":"198.51.100.77","x":[2001:db8:1:2::3]}', '{"ip":"198.51.100.0","x":[2001:db8:1::]}'),
        ("a 198.51.100.77, 203.0.113.9", "a 198.51.100.0, 203.0.113.0"),
        ("12:30:59 v1.2.3", "12:30:59 v1.2.3"),
        (
            "?a=2001%3Adb8%3A1%3A2%3A%3A3&b=%5B2001%3adb8%3a1%3a2%3a%3a3%5D",
            "?a=2001%3Adb8%3A1%3A%3A&b=%5B2001%3Adb8%3A1%3A%3A%5D",
        ),
    ],
)
def test_addresses_in_a_text(text: str, stored: str) -> None:
    assert masked(text) == stored


def test_lines_store_no_whole_address() -> None:
    stage = Stage(settings=TrackerSettings(ip_privacy="truncated"))
    click = {"type": "click", "id": "c1", "ts": "2026-01-01T00:00:00Z", "offer_id": 101, "partner_id": 7}
    assert stage.line({**click, "ip": "198.51.100.77:443"})["verdict"] == "accepted"
    stage.line({**click, "id": "c2", "offer_id": 999, "ip": "198.51.100.77:443"})
    stage.events(b'{"ip": "198.51.100.77", broken')
    (_, touch), *refused = stage.stored("hits")
    assert touch.ip == "198.51.100.0" and len(refused) == 2
    assert "198.51.100.77" not in repr(refused)


@pytest.mark.parametrize("address", ["198.51.100.77", "198.51.100.77:443", "2001:db8:1:2::3", "[2001:db8:1:2::3]:443"])
def test_no_field_of_a_link_or_postback_stores_a_whole_address(address: str) -> None:
    stage = Stage(settings=TrackerSettings(ip_privacy="truncated"))
    headers = [(b"referer", f"https://blog.example/?visitor={address}".encode())]
    agent = b"Mozilla/5.0 Chrome/120.0.10.5"
    for link in ("bl-shoes", "unknown-link", "off-offer"):
        stage.get(f"/c/{link}?sub1={address}&utm_term=a-{address}&user_id={address}", headers=headers, user_agent=agent)
    click_id = stage.click_id()
    stage.postback(click_id=click_id, txn_id="t1", amount="1.00", secret=SECRET, customer=address, user_id=address)
    stage.postback(click_id=click_id, txn_id="t2", amount="nothing", secret=SECRET, customer=f"from {address}")
    stage.postback(click_id=click_id, txn_id="t3", amount="1.00", secret="wrong", customer=address)
    events = [*stage.stored("hits"), *stage.stored("conversions")]
    assert len(stage.touches) == 2 and len(stage.conversions) == 1 and len(stage.rejected) >= 4
    text = repr(events).lower()
    assert "198.51.100.77" not in text and "2001:db8:1:2" not in text and "2001%3adb8%3a1%3a2" not in text
    assert "198.51.100.0" in text or "2001:db8:1::" in text
    assert agent.decode().lower() in text  # versions of browsers are not addresses


def test_ids_that_are_an_address_join_nobody_and_whole_addresses_stay_by_default() -> None:
    line = {"type": "click", "id": "c1", "ts": "2026-01-01T00:00:00Z", "offer_id": 101, "partner_id": 7}
    stored = []
    for mode in ("truncated", "full"):
        stage = Stage(settings=TrackerSettings(ip_privacy=mode))
        stage.line({**line, "user_id": "198.51.100.77", "sub1": "198.51.100.77"})
        [touch] = stage.touches
        stored.append((touch.user_id, touch.subs["sub1"]))
    assert stored == [("", "198.51.100.0"), ("198.51.100.77", "198.51.100.77")]
