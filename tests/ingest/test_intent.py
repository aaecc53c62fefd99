"""The intent survives being written down, and damage to it is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.intent import BadIntent, Intent

words = st.text(st.characters(exclude_characters="|", exclude_categories=["Cs"]), max_size=20)
intents = st.builds(
    Intent, st.integers(0, 2**63), st.integers(1, 255), words, st.integers(0, 2**53), words.filter(lambda w: True)
)
ONE = Intent(41, 1, "crawlers-1+geo-none", 1_767_225_600_000, "0.1.0")


@given(intents)
def test_round_trip(intent: Intent) -> None:
    assert Intent.decode(intent.encode()) == intent


def test_its_form_is_known() -> None:
    """Other versions of Clew read it."""
    assert ONE.encode().rpartition("|")[0] == "v2|41|1|crawlers-1+geo-none|1767225600000|0.1.0"


def test_a_name_with_a_bar_does_not_break_it() -> None:
    intent = Intent(1, 1, "geo|city", 0, "0.1.0")
    assert Intent.decode(intent.encode()).hi == 1


@given(st.integers(0, len(ONE.encode()) - 1), st.characters(codec="ascii"))
def test_damage_is_noticed(at: int, letter: str) -> None:
    text = ONE.encode()
    damaged = text[:at] + letter + text[at + 1 :]
    if damaged != text:
        with pytest.raises(BadIntent, match="damaged"):
            Intent.decode(damaged)


@pytest.mark.parametrize("text", ["", "|", "v2|41", ONE.encode()[:-1], ONE.encode() + "0"])
def test_pieces_are_refused(text: str) -> None:
    with pytest.raises(BadIntent):
        Intent.decode(text)


def test_another_form_is_refused() -> None:
    import zlib

    body = "v3|41|more|of|it"
    with pytest.raises(BadIntent, match="another form"):
        Intent.decode(f"{body}|{zlib.crc32(body.encode()):08x}")
