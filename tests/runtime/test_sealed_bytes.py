"""Sealed bytes open with their key and purpose only."""

import pytest

from runtime.sealed_bytes import BadSeal, seal_bytes, unseal_bytes

KEY = "k" * 32


def test_sealed_bytes_open_with_their_key_and_purpose_only() -> None:
    sealed = seal_bytes(KEY, b"one", b"s3cret")
    assert b"s3cret" not in sealed and sealed != seal_bytes(KEY, b"one", b"s3cret")
    assert unseal_bytes(KEY, b"one", sealed) == b"s3cret"
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for key, purpose, content in [("x" * 32, b"one", sealed), (KEY, b"two", sealed), (KEY, b"one", changed)]:
        with pytest.raises(BadSeal):
            unseal_bytes(key, purpose, content)
    with pytest.raises(BadSeal):
        unseal_bytes(KEY, b"one", b"")
