"""A file read in parts gives what it gives as a whole."""

import pytest
from hypothesis import given, settings

from program import file_in_parts
from program.file import read_program
from program.file_in_parts import read_program_in_parts
from program.program import Program
from program.to_toml import program_to_toml
from tests.program.programs import programs

HEAD = """[program]
currency = "USD"
[[partner]]
id = 7
[[offer]]
id = 101
landing_url = "https://shop.example/?c={click_id}"
"""
LINK = '[[link]]\ncode = "bl"\noffer = 101\npartner = 7\n'


@settings(max_examples=40)
@given(programs())
def test_any_program(program: Program) -> None:
    text = "\n".join(program_to_toml(program))
    assert read_program_in_parts(text, lambda _: None) == read_program(text, lambda _: None)


def test_plain_files_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_in_parts, "LINKS_AT_ONCE", 3)
    monkeypatch.setattr(file_in_parts, "read_program", None)
    links = "".join(f'[[link]] \ncode = "l{n}" # {n}\noffer = 101\n\npartner = 7\n' for n in range(10))
    for text in (HEAD + links, links + HEAD, f"{links}{HEAD}[[link]]\ncode='x'\noffer=101\npartner=7"):
        reading = read_program_in_parts(text, lambda _: None)
        whole = read_program(text, lambda _: None)
        assert reading == whole and reading.program is not None and len(reading.program.routes.links) >= 10


def test_pages_and_subs_of_links_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_in_parts, "LINKS_AT_ONCE", 3)
    monkeypatch.setattr(file_in_parts, "read_program", None)
    links = "".join(
        LINK.replace("bl", f"l{n}") + f'\nlanding_url = "http{"s" * (n % 2)}://shop.example/{n}"\n'
        f'[link.subs]\nsub2 = "{n}"\n\nsub1 = "mail"\n'
        for n in range(10)
    )
    text = HEAD + LINK + links + LINK.replace("bl", "last") + 'subs = { sub30 = "x" }'
    reading, whole = read_program_in_parts(text, lambda _: None), read_program(text, lambda _: None)
    assert reading == whole and reading.program is not None
    assert reading.program.routes.links["l4"].subs == (("sub1", "mail"), ("sub2", "4"))
    own = [warning for warning in reading.warnings if warning.place.startswith("link")]
    assert len(own) == 10 and any("and 5 more" in warning.message for warning in own)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + LINK + "landing_url = 'https://other.example/'\n",
        HEAD + LINK + "[link.subs]\nsub31 = 'x'\n",
        HEAD + LINK + "[link.subs] # comment\nsub1 = 'x'\n",
        HEAD + LINK + "[link.subs]\nsub1 = 'x'\n[link.subs]\nsub2 = 'x'\n",
        HEAD + LINK + LINK,
        HEAD + LINK.replace("101", "102"),
        HEAD + LINK.replace("= 7", "= 8"),
        HEAD + LINK.replace("partner", "partners"),
        HEAD + LINK + "x = \n",
        HEAD + LINK + "[link.more]\nx = 1\n",
        HEAD + LINK + "  [[plan]]\noffer = 9\npercent = 1\n",
        HEAD.replace("id = 7", "id = 7\nname = '''\n[[link]]\ncode = 1\n'''"),
        HEAD + "[[plan]]\noffer = 101\n" + LINK,
        "link = [{ code = 'x', offer = 101, partner = 7 }]\n" + HEAD,
        HEAD + LINK.replace("[[link]]", "[['link']]"),
        HEAD.replace("USD", "usd") + LINK,
        HEAD + "[link]\ncode = 'x'\n" + LINK,
        LINK,
        "",
        HEAD + LINK.replace("bl", "b l") + LINK,
    ],
)
def test_other_files_have_the_same_mistakes(text: str) -> None:
    assert read_program_in_parts(text, lambda _: None) == read_program(text, lambda _: None)
