"""With truncated addresses, no whole address of a visitor is stored, wherever a sender puts it."""

import pytest

from runtime.settings import TrackerSettings
from tests.tracker.edge_fixture import Stage
from tracker.request.client_ip import masked, truncated


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
