"""The command `clew` and the list of its commands.

The module of a command is imported when it is called, so that no command waits for the imports of another.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

import typer
from typer.exceptions import TyperException

from clew.cli.help import CommandWithGroups
from clew.cli.output import fail
from runtime.files import keep_files_private
from runtime.user_error import UNREACHABLE, WRONG_USE

COMMANDS = {
    "serve": "clew.cli.serve:serve",
    "demo": "clew.cli.demo:demo",
    "replay": "clew.cli.replay:replay",
    "report": "clew.cli.reports:report",
    "explain": "clew.cli.reports:explain",
    "problems": "clew.cli.reports:problems",
    "sql": "clew.cli.reports:sql",
    "attribute": "clew.cli.attribute.command:attribute",
    "diff": "clew.cli.runs:diff",
    "fit": "clew.cli.runs:fit",
    "audit": "clew.cli.audit:audit",
    "model": "clew.cli.model:model",
    "check": "clew.cli.program:check",
    "id": "clew.cli.keys:show_id",
    "tracker": "clew.cli.serve:tracker",
    "ingest": "clew.cli.serve:ingest",
    "api": "clew.cli.serve:api",
    "web": "clew.cli.control_plane:web",
    "jobs": "clew.cli.control_plane:jobs",
    "migrate": "clew.cli.serve:migrate",
    "repair": "clew.cli.audit:repair",
    "backup": "clew.cli.backup:backup",
    "restore": "clew.cli.backup:restore",
    "dead-letters list": "clew.cli.dead_letters:list_letters",
    "dead-letters replay": "clew.cli.dead_letters:replay_letters",
    "user add": "clew.cli.users:add_user",
    "user list": "clew.cli.users:list_users",
    "user disable": "clew.cli.users:disable_user",
    "user reset-second-factor": "clew.cli.users:reset_second_factor_of",
    "user sign-in-link": "clew.cli.users:make_link",
    "mail read-bounce": "clew.cli.mail:read_bounce",
    "mail clear-bounce": "clew.cli.mail:clear_bounce",
    "api-key add": "clew.cli.api_keys:add_api_key",
    "api-key list": "clew.cli.api_keys:list_api_keys",
    "api-key revoke": "clew.cli.api_keys:revoke_api_key",
    "keys rotate": "clew.cli.keys:rotate_keys",
    "keys new": "clew.cli.keys:new_keys",
    "program infer": "clew.cli.program:infer",
    "program import": "clew.cli.control_program:import_file",
    "program export": "clew.cli.control_program:export_file",
    "program publish": "clew.cli.control_program:publish_program",
    "program versions": "clew.cli.control_program:list_versions",
    "program rollback": "clew.cli.control_program:rollback_program",
}
"""Commands by the words that a user types, each with its function, `module:function`, in the order of the help."""
GROUPS = {
    "dead-letters": "Records that could not be decoded.",
    "user": "People who sign in to the console.",
    "mail": "Mail that could not be delivered.",
    "api-key": "Keys for systems that use the API.",
    "keys": "Keys that sign click ids.",
    "program": "Program files, and the program of the control plane.",
}


def app_for(words: Sequence[str]) -> typer.Typer:
    """Make an app of the commands that match the first word; of all commands if none matches, for help and typos."""
    app = typer.Typer(
        name="clew", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Track clicks and conversions, attribute them, and explain every commission.",
        epilog="Exit codes: 0 success, 1 check failed or not found, 2 usage error, 3 timeout, 4 data directory or "
        "server unavailable.",
    )  # fmt: skip
    app.callback()(_nothing)  # without it, Typer runs an app of one command as that command
    called = {name for name in COMMANDS if words and name.partition(" ")[0] == words[0]} or set(COMMANDS)
    groups: dict[str, typer.Typer] = {}
    for name, place in COMMANDS.items():
        if name not in called:
            continue
        group, _, word = name.rpartition(" ")
        if group and group not in groups:
            groups[group] = typer.Typer(no_args_is_help=True, help=GROUPS[group], rich_markup_mode=None)
            groups[group].callback()(_nothing)
            app.add_typer(groups[group], name=group)
        module, _, function = place.partition(":")
        (groups[group] if group else app).command(word, cls=CommandWithGroups)(getattr(import_module(module), function))
    return app


def _nothing() -> None:
    pass


def _is_text(word: str) -> bool:
    """Return whether an argument is text; bytes that are not UTF-8 arrive as lone surrogates."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def main() -> None:
    """Entry point of the console script."""
    keep_files_private()
    if not all(word.isprintable() or _is_text(word) for word in sys.argv[1:]):
        raise SystemExit(fail("the arguments are not UTF-8", WRONG_USE).exit_code)
    try:
        raise SystemExit(app_for(sys.argv[1:])(prog_name="clew", standalone_mode=False))
    except TyperException as error:
        raise SystemExit(_wrong_use(error)) from None
    except Exception as error:  # noqa: BLE001 - last resort: a sentence and an exit code; the traceback goes to the log
        from runtime.logs import logger  # imported here: only an unexpected error needs it

        logger("clew").error("unexpected", exc_info=error)
        raise SystemExit(fail(f"unexpected {type(error).__name__}: {error}", UNREACHABLE).exit_code) from None


def _wrong_use(error: TyperException) -> int:
    """Print a usage error as one sentence that names the help; return the exit code."""
    sentence = error.format_message().rstrip(".")
    if sentence:  # empty if the help has just been printed
        context = getattr(error, "ctx", None)
        fail(f"{sentence}; see {context.command_path if context is not None else 'clew'} --help", error.exit_code)
    return error.exit_code


if __name__ == "__main__":
    main()
