"""The command `clew`: which commands there are. Each one's own file says what it does.

A command's file is imported when it is called, so that none waits for what another one needs.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

import typer
from typer.exceptions import TyperException

from clew.ask_error import UNREACHABLE
from clew.output import fail

COMMANDS = {
    "serve": "clew.cli_run:serve",
    "demo": "clew.cli_demo:demo",
    "replay": "clew.cli_program:replay",
    "report": "clew.cli_ask:report",
    "explain": "clew.cli_ask:explain",
    "problems": "clew.cli_ask:problems",
    "sql": "clew.cli_ask:sql",
    "attribute": "clew.cli_ask:attribute",
    "diff": "clew.cli_runs:diff",
    "fit": "clew.cli_fit:fit",
    "audit": "clew.cli_ask:audit",
    "model": "clew.cli_model:model",
    "check": "clew.cli_program:check",
    "id": "clew.cli_program:show_id",
    "tracker": "clew.cli_run:tracker",
    "ingest": "clew.cli_run:ingest",
    "api": "clew.cli_run:api",
    "migrate": "clew.cli_run:migrate",
    "repair": "clew.cli_ask:repair",
    "backup": "clew.cli_backup:backup",
    "restore": "clew.cli_backup:restore",
    "dead-letters list": "clew.cli_dead:list_letters",
    "dead-letters replay": "clew.cli_dead:replay_letters",
    "keys rotate": "clew.cli_program:rotate_keys",
    "program infer": "clew.cli_program:infer",
}
"""What a user types, and the function that answers: `module:function`. Help lists them in this order."""
GROUPS = {
    "dead-letters": "Records that could not be decoded.",
    "keys": "Keys that sign click ids.",
    "program": "Program files.",
}


def app_for(words: Sequence[str]) -> typer.Typer:
    """The commands that begin with the first word; all of them where it begins none, for help and mistakes."""
    app = typer.Typer(
        name="clew", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
        help="Follows every click to the cent: tracking, attribution and commissions for partner marketing.",
        epilog="Exit codes: 0 fine, 1 the answer is no, 2 wrong use, 3 timed out, 4 could not reach or open "
        "what it needs.",
    )  # fmt: skip
    app.callback()(_nothing)  # else Typer takes an app of one command for that command
    called = {name for name in COMMANDS if words and name.partition(" ")[0] == words[0]} or set(COMMANDS)
    groups: dict[str, typer.Typer] = {}
    for name, place in COMMANDS.items():
        if name not in called:
            continue
        group, _, word = name.rpartition(" ")
        if group and group not in groups:
            groups[group] = typer.Typer(no_args_is_help=True, help=GROUPS[group])
            groups[group].callback()(_nothing)
            app.add_typer(groups[group], name=group)
        module, _, function = place.partition(":")
        (groups[group] if group else app).command(word)(getattr(import_module(module), function))
    return app


def _nothing() -> None:
    pass


def main() -> None:
    """Entry point of the console script."""
    try:
        raise SystemExit(app_for(sys.argv[1:])(prog_name="clew", standalone_mode=False))
    except TyperException as error:
        raise SystemExit(_wrong_use(error)) from None
    except Exception as error:  # noqa: BLE001 - the last resort: a sentence and a code, the traceback in the log
        from runtime.logs import logger

        logger("clew").error("unexpected", exc_info=error)
        raise SystemExit(fail(f"unexpected {type(error).__name__}: {error}", UNREACHABLE).exit_code) from None


def _wrong_use(error: TyperException) -> int:
    """The exit code; a word too little, too many or wrong is one sentence with the way to the help."""
    sentence = error.format_message().rstrip(".")
    if sentence:  # none where the help has just been printed
        context = getattr(error, "ctx", None)
        fail(f"{sentence}; see {context.command_path if context is not None else 'clew'} --help", error.exit_code)
    return error.exit_code


if __name__ == "__main__":
    main()
