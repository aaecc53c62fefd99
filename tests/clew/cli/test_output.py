"""Output is text: no markup, no control characters, no formulas; numbers stay numbers."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.cli import output
from installation.directory import DataDir, read_address
from tests import loopback
from tests.serving import Serving

HOSTILE = ["[/x]", "[link=http://evil.example]click[/link]", "\x1b]0;PWNED\x07", "\u202egnp.exe", "a\x00b", "\x9b31m"]


@pytest.mark.parametrize("text", HOSTILE)
def test_tables_show_text_as_text(capsys: pytest.CaptureFixture[str], text: str) -> None:
    output.print_table(["name", text], [[text, 1]], text)
    output.out.print(text)
    output.fail(text, 1)
    said = capsys.readouterr()
    for stream in (said.out, said.err):
        assert not any(character in stream for character in "\x1b\x07\x00\x9b\u202e")
    if text.isprintable():
        assert text in said.out


@given(st.text())
def test_what_is_shown_prints(text: str) -> None:
    assert output.shown(text).isprintable()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"), ("+1+1", "'+1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"), (" =1", "' =1"), ("-2.00", "-2.00"), (-2, "-2"), ("7.50", "7.50"), ("plain", "plain"),
        (None, ""), ("", ""),
    ],
)  # fmt: skip
def test_csv_cells_are_never_formulas(capsys: pytest.CaptureFixture[str], value: object, cell: str) -> None:
    output.print_csv(["name"], [[value, "end"]])
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[1] == [cell, "end"]


def test_commands_with_hostile_data(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = Serving(tmp_path_factory.mktemp("output"))
    try:
        server.start()
        for path in ("%5b/x%5d", "%1b]0;PWNED%07", "=cmd%7C' /C calc'!A0"):
            loopback.get(f"{server.url}/c/{path}", follow_redirects=False)
        server.settle()
        table = server.clew("report", "rejected", "--by", "link")
        assert "[/x]" in table and "\x1b" not in table
        assert "'=cmd|' /C calc'!A0" in server.clew("report", "rejected", "--by", "link", "--csv")
        assert "[/x]" in server.clew("sql", "SELECT '[/x]' AS a")
        address = read_address(DataDir(server.data).engine_file)
        assert address is not None
        for body in (b"[]", b"7", b"null", b"{}", b"\xff", b'{"name": 5}'):
            answer = loopback.post(
                f"{address.url}/operator/report", content=body, headers={"authorization": f"Bearer {address.key}"}
            )
            assert answer.status_code == 400 and answer.json()["error"], body
        with pytest.raises(AssertionError, match="leave --program out"):
            server.clew("report", "kpi", "--program", str(server.program))
    finally:
        server.kill()
