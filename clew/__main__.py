"""The command `clew`: which commands there are. Each one's own file says what it does."""

import typer
from typer.exceptions import TyperException

from clew import cli_ask, cli_dead, cli_demo, cli_program, cli_run
from clew.ask_error import UNREACHABLE
from clew.output import fail
from runtime.logs import logger

app = typer.Typer(
    name="clew", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Follows every click to the cent: tracking, attribution and commissions for partner marketing.",
    epilog="Exit codes: 0 fine, 1 the answer is no, 2 wrong use, 3 timed out, 4 could not reach or open what it needs.",
)  # fmt: skip
app.command()(cli_run.serve)
app.command()(cli_demo.demo)
app.command()(cli_program.replay)
app.command()(cli_ask.report)
app.command()(cli_ask.explain)
app.command()(cli_ask.problems)
app.command()(cli_ask.sql)
app.command()(cli_ask.attribute)
app.command()(cli_ask.audit)
app.command("check")(cli_program.check)
app.command("id")(cli_program.show_id)
app.command()(cli_run.migrate)
dead_app = typer.Typer(no_args_is_help=True, help="Records that could not be decoded.")
dead_app.command("list")(cli_dead.list_letters)
dead_app.command("replay")(cli_dead.replay_letters)
app.add_typer(dead_app, name="dead-letters")
keys_app = typer.Typer(no_args_is_help=True, help="Keys that sign click ids.")
keys_app.command("rotate")(cli_program.rotate_keys)
app.add_typer(keys_app, name="keys")
program_app = typer.Typer(no_args_is_help=True, help="Program files.")
program_app.command("infer")(cli_program.infer)
app.add_typer(program_app, name="program")


def main() -> None:
    """Entry point of the console script."""
    try:
        raise SystemExit(app(prog_name="clew", standalone_mode=False))
    except TyperException as error:
        raise SystemExit(_wrong_use(error)) from None
    except Exception as error:  # noqa: BLE001 - the last resort: a sentence and a code, the traceback in the log
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
