"""Options of every command: one that cannot be honoured is refused with the fix, and help shows them in groups."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from clew.__main__ import COMMANDS, main
from tests.serving import PROGRAM

REFUSED = [
    # catch up
    ("attribute --timeout 5", "--timeout limits --wait; add --wait, or leave --timeout out"),
    ("attribute --timeout 600", "--timeout limits --wait; add --wait, or leave --timeout out"),
    ("attribute --model linear --timeout 5", "--timeout limits --wait; add --wait, or leave --timeout out"),
    *(
        (f"attribute {option} {value}", f"{option} is for applying models; add --model, or leave {option} out")
        for option, value in (
            ("--from", "2026-01-01"), ("--to", "2026-01-01"), ("--as-of", "2026-01-01"), ("--reuse", "reuse"),
            ("--reuse", "reset"), ("--stitch", ""), ("--workers", "1"), ("--workers", "3"), ("--conversions-min", "0"),
        )
    ),
    ("attribute --metrics-port 0", "--metrics-port is for a worker; add --follow, or leave --metrics-port out"),
    ("attribute --host 127.0.0.1", "--host is for a worker; add --follow, or leave --host out"),
    ("attribute --wait --timeout 0", "timeout: must be greater than 0"),
    ("attribute --wait --timeout nan", "timeout: must be greater than 0"),
    # worker
    *(
        (
            f"attribute --follow --program p {option}",
            f"{option.split()[0]} has no effect with --follow; leave one of them out",
        )
        for option in ("--wait", "--timeout 5", "--json", "--from 2026-01-01", "--workers 2")
    ),
    ("attribute --follow --model linear", "--follow and --model exclude each other; give one of them"),
    # models
    ("attribute --model linear --host ::1", "--host has no effect with --model; leave one of them out"),
    ("attribute --model linear --metrics-port 9", "--metrics-port has no effect with --model; leave one of them out"),
    ("attribute --model linear --from ''", "from: empty; give a value, or leave it out"),
    # output
    ("sql 'SELECT 1' --json --csv", "--json and --csv exclude each other; give one of them"),
    ("report kpi --csv --json", "--json and --csv exclude each other; give one of them"),
    # values that a shell left empty
    ("report kpi --from ''", "from: empty; give a value, or leave it out"),
    ("report kpi --to ''", "to: empty; give a value, or leave it out"),
    ("report kpi --by ''", "by: empty; give a value, or leave it out"),
    ("diff a b --by ''", "by: empty; give a value, or leave it out"),
    ("sql ''", "sql: empty; give a value, or leave it out"),
    ("problems --log ''", "--log is empty; give an address or leave it out"),
    ("audit --warehouse ' '", "--warehouse is empty; give an address or leave it out"),
    ("problems --data ''", "--data is empty; give a path"),
    ("keys rotate --data ' '", "--data is empty; give a path"),
    ("report kpi --program ''", "--program is empty; give a path"),
    ("serve --program=", "--program is empty; give a path"),
    ("backup ''", "DIR is empty; give a path"),
    ("restore ' '", "DIR is empty; give a path"),
    # addresses
    ("id AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA --log nothing:x",
     "--log: not a log address; write sqlite:DIR or kafka://host:9092,host:9092?topic_prefix=…"),
    ("serve --program p --port 8080 --api-port 8080",
     "--port and --api-port are both 8080; give two different ports"),
    ("serve --program {program} --host ''",
     "--host is empty; give an address, or leave it out (0.0.0.0 binds all addresses)"),
    ("serve --program {program} --host nothing.invalid",
     "--host 'nothing.invalid' cannot be resolved; give an address of this machine"),
    ("serve --program {program} --host a..b", "--host 'a..b' cannot be resolved; give an address of this machine"),
    ("serve --program {program} --host 192.0.2.1",
     "--host 192.0.2.1 is not an address of this machine; give one that is"),
]  # fmt: skip


def run(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> int:
    monkeypatch.setattr(sys, "argv", ["clew", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(("command", "error"), REFUSED)
def test_an_option_that_cannot_be_honoured_is_refused(
    command: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "program.toml"
    program.write_text(PROGRAM)
    command = command.replace("{program}", str(program))
    if "--data" not in command:
        command += f" --data {tmp_path / 'data'}"
    words = shlex.split(command)
    assert run(monkeypatch, words) == 2
    shown, said = capsys.readouterr()
    assert not shown
    assert said.removeprefix("ingesting and attributing …\n").removeprefix(
        "attributing what is in the log, then applying the models …\n"
    ) == f"clew: {error}\n"  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["program.toml"]


def test_a_negative_seed_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, ["demo", "--seed", "-1"]) == 2  # random.Random(-1) is random.Random(1)
    assert "'--seed'" in capsys.readouterr().err


def test_the_help_lists_commands_in_whole_sentences(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, ["--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:")[2].partition("Exit codes")[0]
    assert all(line.rstrip().endswith(".") for line in listed.strip().splitlines())
    assert "..." not in listed


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_is_grouped(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, [*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    headings = re.findall(r"^(\w[^:\n]*):$", shown, re.MULTILINE)
    assert headings == sorted(headings, key=["Arguments", "Options", "Waiting", "Worker (--follow)", "Run (--model)",
                                             "Installation", "Output"].index)  # fmt: skip
    installation = shown.partition("Installation:")[2].partition("Output:")[0]
    assert ("--log" in shown) == ("--log" in installation)
    assert ("--json" in shown) == ("--json" in shown.partition("Output:")[2])


def test_the_help_of_attribute_groups_the_options_of_each_mode(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, ["attribute", "--help"])
    shown = capsys.readouterr().out
    waiting, worker, models = (
        set(re.findall(r"^  (--[\w-]+)", shown.partition(f"{heading}:\n")[2].partition("\n\n")[0], re.MULTILINE))
        for heading in ("Waiting", "Worker (--follow)", "Run (--model)")
    )
    assert waiting == {"--wait", "--timeout"}
    assert worker == {"--follow", "--host", "--metrics-port"}
    assert models == {
        "--model", "--from", "--to", "--as-of", "--reuse", "--stitch", "--workers", "--conversions-min",
    }  # fmt: skip
