"""`clew model` as people call it: answers, notes, exit codes, and what it does not import."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from clew.__main__ import main

TABLE = "path,total_conversions,total_conversion_value,total_null\nC1 > C2 > C3,1,10,0\nC1,0,0,1\nC2 > C3,0,0,1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "paths.csv"
    path.write_text(TABLE)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["clew", "model", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_one_model_is_one_document(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, file, "--model", "markov", "--no-intervals", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "model": "markov",
        "order": 1,
        "channels": [
            {"channel": "C1", "conversions": 0.2, "value": 2.0, "share": 0.2, "removal_effect": 0.5},
            {"channel": "C2", "conversions": 0.4, "value": 4.0, "share": 0.4, "removal_effect": 1.0},
            {"channel": "C3", "conversions": 0.4, "value": 4.0, "share": 0.4, "removal_effect": 1.0},
        ],
        "totals": {"conversions": 1.0, "value": 10.0, "null": 2.0, "conversion_rate": pytest.approx(1 / 3)},
    }


def test_several_models_are_a_list_in_the_order_asked(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, file, "--model", "position(30,40,30),first,shapley,position", "--json") == 0
    models = json.loads(capsys.readouterr().out)["models"]
    assert [one["model"] for one in models] == ["position(3,4,3)", "first", "shapley", "position"]
    assert [row["share"] for row in models[0]["channels"]] == [0.3, 0.4, 0.3]
    assert [row["share"] for row in models[3]["channels"]] == [0.4, 0.2, 0.4]
    assert {"ci_low", "ci_high"} <= set(models[2]["channels"][0])


def test_a_table_for_people(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, file, "--model", "markov,last_click") == 0
    shown, said = capsys.readouterr()
    assert "markov, order 1" in shown
    assert "removal_effect" in shown
    assert "total" in shown
    assert said == f"clew: {file}: a path table has no types of touches, so last_click is last_touch\n".replace(
        "clew: ", ""
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--model", "magic"], 2, "'magic' is not a model; the models are last_click,"),
        (["--model", "position(1,2)"], 2, "position has 3 weights"),
        (["--model", ","], 2, "name at least one model"),
        (["--model", "markov", "--order", "0"], 2, "the order of markov is 1 to"),
        (["--model", "shapley", "--game", "chess"], 2, "is not a game of shapley"),
        (["--model", "shapley", "--samples", "1"], 2, "samples are 4 to"),
        (["--model", "linear", "--columns", "path"], 2, "--columns: 'path' is not a pair"),
        (["--model", "linear", "--windows", "click=soon"], 2, "the window of click must be"),
        (["--model", "linear", "--windows", "visit=1d"], 2, "'visit' is not a type of touch"),
        (["--model", "linear", "--separator", " "], 2, "separator"),
        (["--model", "linear", "--columns", "path=way"], 1, "there is no column way, only 'path'"),
        (["--model", "time_decay"], 1, "time_decay needs the time of each touch"),
        (["--model", "fitted(0a1b2c3d4e5f)"], 1, "uses the [[fits]] of a program"),
        (["--model", "fitted(7)"], 2, "fitted needs the id of a [[fits]] table"),
        ([], 2, "Missing option '--model'"),
        (["--model", "linear", "--order", "1"], 2, "--order is for markov, which is not among the models"),
        (["--model", "shapley", "--samples", "50"], 2, "--samples is for shapley with --game rate"),
        (["--model", "shapley", "--game", "rate", "--seed", "2"], 2, "3 channels are computed exactly"),
        (["--model", "last_touch", "--direct", "C1"], 2, "--direct is for last_non_direct"),
        (["--model", "last_non_direct", "--direct", "C9"], 2, "no channel is called C9; --direct takes C1, C2, C3"),
        (["--model", "linear", "--windows", "click=1d"], 2, "--windows is for event tables"),
        (["--model", "linear", "--types", "view=click"], 2, "--types is for event tables"),
        (["--model", "linear", "--types", "view=look"], 2, "'look' is not a type"),
        (["--model", "linear", "--reset"], 2, "--reset is for event tables"),
        (["--model", "linear", "--columns", "value=v"], 2, "a path table has no column value"),
        (["--model", "linear", "--delimiter", "ab"], 2, "--delimiter must be one character"),
        (["--model", "linear", "--delimiter", ";"], 1, "neither a column path nor identity"),
        (["--model", "linear", "--delimiter", ""], 2, "--delimiter must be one character"),
        (["--model", "linear", "--encoding", ""], 2, "--encoding must be one of utf-8"),
        (["--model", "linear", "--decimal", ""], 2, "--decimal must be one of . ,"),
        (["--model", "linear", "--separator", ""], 2, "--separator needs"),
        (["--model", "shapley", "--game", ""], 2, "is not a game of shapley"),
        (["--model", "linear", "--direct", ""], 2, "--direct is for last_non_direct"),
        (["--model", "linear", "--encoding", "ebcdic"], 2, "--encoding must be one of utf-8"),
        (["--model", "linear", "--decimal", "x"], 2, "--decimal must be one of . ,"),
        (["--model", "linear", "--thousands", "x"], 2, "--thousands must be one of . , ' space or none"),
        (["--model", "linear", "--decimal", ".", "--thousands", "."], 2, "--thousands must differ from --decimal"),
    ],
)
def test_wrong_use_is_one_sentence(
    words: list[str], code: int, said: str, file: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert run(monkeypatch, file, *words) == code
    shown, error = capsys.readouterr()
    assert not shown
    assert said in error
    assert error.count("\n") == 1


def test_a_file_of_a_spreadsheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "export.csv"
    text = "sep=;\r\nWeg;Käufe;Umsatz\r\nÖl > Süd;2;1.234,50 €\r\n"
    file.write_bytes(text.encode("cp1252"))
    columns = "path=Weg,total_conversions=Käufe,total_conversion_value=Umsatz"
    words = (file, "--model", "linear", "--columns", columns, "--json", "--decimal", ",")
    assert run(monkeypatch, *words) == 1
    assert "name another encoding, as in --encoding windows-1252" in capsys.readouterr().err
    assert run(monkeypatch, *words, "--encoding", "windows-1252", "--thousands", ".") == 0
    rows = json.loads(capsys.readouterr().out)["channels"]
    assert [(row["channel"], row["conversions"], row["value"]) for row in rows] == [
        ("Süd", 1.0, 617.25),
        ("Öl", 1.0, 617.25),
    ]


def test_a_file_that_is_not_there_is_exit_code_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path / "none.csv", "--model", "linear") == 4
    assert capsys.readouterr().err == f"clew: {tmp_path / 'none.csv'} cannot be read: No such file or directory\n"
    assert run(monkeypatch, tmp_path, "--model", "linear") == 4


def test_it_imports_nothing_that_it_does_not_need(file: Path) -> None:
    """A second matters here: no server, no client, no pandas."""
    code = (
        "import sys; sys.argv = ['clew', 'model', sys.argv[1], '--model', 'linear,markov', '--json']\n"
        "from clew.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "slow = {'starlette', 'uvicorn', 'chdb', 'clickhouse_connect', 'pandas', 'httpx', 'structlog'}\n"
        "sys.stderr.write(' '.join(sorted(slow & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
