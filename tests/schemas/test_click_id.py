"""Click ids: forged, foreign, expired and misspelled ones are refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.values.click_id import (
    TOKEN_BYTES,
    TOKEN_CHARS,
    TokenKey,
    TokenKeys,
    facts_of,
    from_text,
    mint,
    random_of_ref,
    to_text,
    verify,
)

NOW_MS = 1_767_225_600_000
KEYS = TokenKeys.of([TokenKey(1, b"a" * 32, NOW_MS), TokenKey(2, b"b" * 32)], 2, b"h" * 32)
OLD = TokenKeys.of([TokenKey(1, b"a" * 32)], 1, b"h" * 32)
FOREIGN = TokenKeys.of([TokenKey(2, b"c" * 32)], 2, b"h" * 32)
tokens = st.builds(
    lambda ts_ms, offer_id, partner_id, random: (mint(KEYS, ts_ms, offer_id, partner_id, random), ts_ms, offer_id,
                                                 partner_id, random),
    st.integers(0, 2**48 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1),
    st.binary(min_size=5, max_size=5),
)  # fmt: skip


@given(tokens)
def test_a_token_contains_the_values_it_was_made_from(made: tuple[bytes, int, int, int, bytes]) -> None:
    token, ts_ms, offer_id, partner_id, random = made
    assert len(token) == TOKEN_BYTES and len(to_text(token)) == TOKEN_CHARS
    facts = verify(KEYS, token, NOW_MS)
    assert facts is not None and facts == facts_of(token)
    assert (facts.key_id, facts.ts_ms, facts.offer_id, facts.partner_id, facts.random) == (
        2, ts_ms, offer_id, partner_id, random,
    )  # fmt: skip
    assert from_text(to_text(token)) == token


@given(tokens, st.integers(0, TOKEN_BYTES * 8 - 1))
def test_one_wrong_bit_is_a_forgery(made: tuple[bytes, int, int, int, bytes], bit: int) -> None:
    token = bytearray(made[0])
    token[bit // 8] ^= 1 << bit % 8
    assert verify(KEYS, bytes(token), NOW_MS) is None


@given(tokens, st.integers(0, TOKEN_CHARS - 1), st.characters())
def test_one_wrong_character_makes_the_token_invalid(
    made: tuple[bytes, int, int, int, bytes], at: int, letter: str
) -> None:
    text = to_text(made[0])
    other = text[:at] + letter + text[at + 1 :]
    token = from_text(other)
    assert other == text or token is None or verify(KEYS, token, NOW_MS) is None


@given(st.text(max_size=40) | st.binary(min_size=27, max_size=27).map(to_text))
def test_only_the_canonical_spelling_is_accepted(text: str) -> None:
    token = from_text(text)
    assert token is None or to_text(token) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "a" * 35, "a" * 37, "a" * 35 + "=", "a" * 35 + "+", "a" * 35 + "/", "a" * 35 + " ", "a" * 35 + "\n",
        " " + "a" * 35, "a" * 35 + "é", "ａ" * 36, "a" * 35 + "\0",
    ],
)  # fmt: skip
def test_texts_that_cannot_be_tokens_are_refused(text: str) -> None:
    assert from_text(text) is None


def test_keys_rotate() -> None:
    old, new = mint(OLD, NOW_MS - 1, 1, 2, b"12345"), mint(KEYS, NOW_MS, 1, 2, b"12345")
    assert old[0] == 1 and new[0] == 2
    assert verify(KEYS, old, NOW_MS) is not None
    assert verify(KEYS, old, NOW_MS + 1) is None  # its key's end date is past
    assert verify(OLD, old, NOW_MS + 1) is not None
    assert verify(KEYS, new, NOW_MS + 10**12) is not None
    assert verify(OLD, new, NOW_MS) is None  # a key that this installation does not have


def test_tokens_of_another_installation_are_refused() -> None:
    assert verify(KEYS, mint(FOREIGN, NOW_MS, 1, 2, b"12345"), NOW_MS) is None


def test_the_same_line_gets_the_same_token() -> None:
    assert random_of_ref(KEYS, "click", "a1") == random_of_ref(OLD, "click", "a1")  # also after a rotation
    others = {random_of_ref(KEYS, kind, ref) for kind in ("click", "impression") for ref in ("a1", "a2", "1")}
    assert len(others) == 6
    assert random_of_ref(TokenKeys.of([KEYS.current], 2, b"g" * 32), "click", "a1") not in others


@pytest.mark.parametrize(("offer_id", "ts_ms"), [(2**32, 0), (-1, 0), (0, 2**48), (0, -1)])
def test_values_out_of_range_are_an_error(offer_id: int, ts_ms: int) -> None:
    with pytest.raises((OverflowError, struct.error)):
        mint(KEYS, ts_ms, offer_id, 1, b"12345")
