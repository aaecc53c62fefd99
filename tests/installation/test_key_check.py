"""Edges of one installation sign with the same keys; one that does not is found."""

import os

from installation.key_check import are_of_installation
from schemas.ddl import DATABASE
from schemas.values.click_id import TokenKey, TokenKeys
from warehouse.port import Warehouse, scalar_of


def keys(secret: bytes) -> TokenKeys:
    return TokenKeys.of([TokenKey(1, os.urandom(32))], 1, secret)


def test_the_first_keys_are_the_installations(warehouse: Warehouse) -> None:
    first, other = b"1" * 32, b"2" * 32
    assert are_of_installation(warehouse, keys(first), 1)
    assert not are_of_installation(warehouse, keys(other), 0)
    assert are_of_installation(warehouse, keys(first), 2)  # also after a rotation: another key, the same secret
    assert scalar_of(warehouse.query(f"SELECT count() AS n FROM {DATABASE}.facts")) == 1
    shown = warehouse.query(f"SELECT * FROM {DATABASE}.facts").to_pylist()
    assert first.hex() not in repr(shown)
