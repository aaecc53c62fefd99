"""Addresses of the warehouse: what they mean, what is refused, and that a password never shows."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.address import BadWarehouseAddress, ChdbFolder, ClickHouseServer, parse_warehouse_address


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("chdb:data/warehouse", ChdbFolder(Path("data/warehouse"))),
        ("chdb:/srv/clew", ChdbFolder(Path("/srv/clew"))),
        ("clickhouse://h", ClickHouseServer("h", 8123, "clew", "default", "", False)),
        ("clickhouse://h/", ClickHouseServer("h", 8123, "clew", "default", "", False)),
        ("clickhouses://h", ClickHouseServer("h", 8443, "clew", "default", "", True)),
        ("clickhouse://u@h:9/track", ClickHouseServer("h", 9, "track", "u", "", False)),
        ("clickhouses://u%40x:p%2Fw%3A@h.example/a_1", ClickHouseServer("h.example", 8443, "a_1", "u@x", "p/w:", True)),
        ("clickhouse://u@[::1]:8123/clew", ClickHouseServer("::1", 8123, "clew", "u", "", False)),
    ],
)  # fmt: skip
def test_what_an_address_means(text: str, meant: object) -> None:
    assert parse_warehouse_address(text) == meant
    assert parse_warehouse_address(str(meant)) == (
        meant if isinstance(meant, ChdbFolder) else ClickHouseServer(**{**_fields(meant), "password": ""})
    )


def _fields(address: object) -> dict[str, object]:
    return {name: getattr(address, name) for name in ClickHouseServer.__slots__}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write chdb:DIR"),
        ("data", "write chdb:DIR"),
        ("chdb:", "write chdb:DIR"),
        ("chdb://data", "write chdb:DIR"),
        ("sqlite:data", "write chdb:DIR"),
        ("http://h:8123/clew", "clickhouse://user@host:8123/database"),
        ("clickhouse:h", "clickhouse://user@host:8123/database"),
        ("clickhouse://", "names no host"),
        ("clickhouse://u@:8123/clew", "names no host"),
        ("clickhouse://h:port/clew", "%2F"),
        ("clickhouse://h:99999/clew", "%2F"),
        ("clickhouse://[::1/clew", "%2F"),
        ("clickhouse://h/a/b", "one word"),
        ("clickhouse://h/1st", "one word"),
        ("clickhouse://h/a-b", "one word"),
        ("clickhouse://h/analyst", "not Clew's to use"),
        ("clickhouse://h/System", "not Clew's to use"),
        ("clickhouse://h/clew?secure=1", "takes no parameters"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadWarehouseAddress, match=says):
        parse_warehouse_address(text)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=12))
def test_a_password_never_shows(password: str) -> None:
    """Also where its characters make the address unreadable."""
    password = f"s3cret{password}"
    try:
        address = parse_warehouse_address(f"clickhouse://u:{password}@h:8123/clew")
    except BadWarehouseAddress as error:
        assert "s3cret" not in str(error) and error.__cause__ is None
        return
    if isinstance(address, ClickHouseServer) and "s3cret" in address.password:
        assert "s3cret" not in f"{address} {address!r}"
