"""Usage errors of commands, and what they require of a program file."""

import subprocess
import sys
from pathlib import Path

import pytest

from clew.__main__ import main
from installation.program_file import ProgramError, ProgramUnreadable, load_program, load_rules

FROM_ENVIRONMENT = """
[program]
currency = "USD"
api_keys = ["env:ACME_API_KEY"]
[[offer]]
id = 1
landing_url = "https://shop.example/"
postback_secret = "env:ACME_SECRET"
"""


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["clew", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nope"], "clew: No such command 'nope'; see clew --help\n"),
        (["report"], "clew: Missing argument 'NAME'; see clew report --help\n"),
        (["program", "infer"], "clew: Missing argument 'FILE'; see clew program infer --help\n"),
        (
            ["report", "kpi"],
            "clew: say where the installation is: --data DIR, or --log and --warehouse (or CLEW_LOG and "
            "CLEW_WAREHOUSE)\n",
        ),
        (["attribute", "--model", " "], "clew: --model names no model; leave it out to catch up only\n"),
        (["program", "nope"], "clew: No such command 'nope'; see clew program --help\n"),
        (["problems", "--nope"], "clew: No such option: --nope; see clew problems --help\n"),
    ],
)
def test_wrong_use_is_one_sentence(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words) == 2
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("serve --data {folder}", "clew: there is no program: give --program FILE, or set CLEW_FOLLOW__URL"),
        ("tracker --data {folder} --port 0", "clew: there is no program: give --program FILE, or set CLEW_FOLLOW__URL"),
        ("ingest --metrics-port 0", "clew: there is no program: give --program FILE, or set CLEW_FOLLOW__URL"),
        ("api --port 0", "clew: there is no program: give --program FILE, or set CLEW_FOLLOW__URL"),
    ],
)
def test_a_program_is_a_file_or_followed(
    words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLEW_SERVE__WEB", "false")
    if not words.startswith("serve"):
        monkeypatch.setenv("CLEW_LOG", "kafka://127.0.0.1:1")
        monkeypatch.setenv("CLEW_WAREHOUSE", "clickhouse://clew@127.0.0.1:1/clew")
    assert run(monkeypatch, *words.format(folder=tmp_path / "data").split()) == 2
    assert capsys.readouterr().err.startswith(said)
    assert not (tmp_path / "data").exists()


def test_no_words_are_a_usage_error_with_the_help_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch) == 2
    shown, said = capsys.readouterr()
    assert "Exit codes" in said
    assert not shown


def test_a_program_file_that_is_not_there_is_exit_code_4(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.toml")
    for words in (["check", missing], ["serve", "--data", str(tmp_path / "data"), "--program", missing]):
        done = subprocess.run([sys.executable, "-m", "clew", *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 4
        assert done.stderr.count("\n") == 1
        assert "cannot be read" in done.stderr


def test_rules_are_read_without_the_secrets_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "program.toml"
    path.write_text(FROM_ENVIRONMENT)
    with pytest.raises(ProgramError, match="ACME_API_KEY"):
        load_program(path)
    first, second = load_rules(path), load_rules(path)
    assert first.hash == second.hash
    assert first.secrets.api_keys != second.secrets.api_keys  # nobody knows them
    monkeypatch.setenv("ACME_API_KEY", "key-of-the-environment")
    monkeypatch.setenv("ACME_SECRET", "s3cret")
    known = load_program(path)
    assert known.hash == first.hash
    assert load_rules(path) == known


def test_a_mistake_without_a_place_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "program.toml"
    path.write_text("[program]\nbroken")
    with pytest.raises(ProgramError) as error:
        load_program(path)
    assert str(error.value).startswith(f"{path}:2: this is not TOML")
    with pytest.raises(ProgramUnreadable):
        load_program(tmp_path / "none.toml")


def test_no_command_waits_for_django_to_be_imported() -> None:
    text = (
        "import sys\nfrom clew.__main__ import app_for\napp_for([])\n"
        "print(sorted(n for n in sys.modules if n.partition('.')[0] in ('django', 'allauth', 'ninja', 'psycopg')))"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
