"""The command `clew attribute`: choose the mode, and refuse options that belong to another one."""

from dataclasses import fields
from typing import NamedTuple

import typer

from clew.cli.attribute.catch_up import CatchUpOptions, catch_up
from clew.cli.attribute.models import ModelOptions, run_models
from clew.cli.attribute.worker import WorkerOptions, follow
from clew.cli.option_groups import AsJson, OptionGroup, given_options, with_option_groups
from clew.cli.options import ProgramOrNewest, Where
from clew.cli.output import fail
from runtime.user_error import WRONG_USE


class Mode(NamedTuple):
    """One of the three commands in one: the option that asks for it, and the groups of options that it takes."""

    option: str
    """Empty for the mode without an option."""
    groups: tuple[type[OptionGroup], ...]
    more: tuple[str, ...]
    does: str


MODES = (
    Mode("", (CatchUpOptions,), ("program", "as_json"), "catching up"),
    Mode("--follow", (WorkerOptions,), ("program",), "a worker"),
    Mode("--model", (CatchUpOptions, ModelOptions), ("program", "as_json"), "applying models"),
)


@with_option_groups
def attribute(
    context: typer.Context,
    where: Where,
    to_catch_up: CatchUpOptions,
    to_follow: WorkerOptions,
    to_run: ModelOptions,
    program: ProgramOrNewest = None,
    as_json: AsJson = False,
) -> None:
    """Credit and price all conversions in the log.

    Exit when everything that the log holds now is done. With --follow, run as a worker until stopped (on servers).
    With --model, catch up and then apply other models to stored conversions: this writes credits for comparison
    and pays nothing.
    """
    mode = _mode(to_follow.follow, to_run.model)
    _check_options(mode, given_options(context))
    if mode.option == "--follow":
        return follow(where, to_follow, program)
    to_catch_up.check()
    if mode.option == "--model":
        return run_models(where, to_run, to_catch_up, program, as_json=as_json)
    return catch_up(where, to_catch_up, program, as_json=as_json)


def _mode(follow: bool, model: str | None) -> Mode:
    if follow and model is not None:
        raise fail("--follow and --model exclude each other; give one of them", WRONG_USE)
    option = "--follow" if follow else "--model" if model is not None else ""
    return next(mode for mode in MODES if mode.option == option)


def _check_options(mode: Mode, given: dict[str, str]) -> None:
    """Exit with an error if an option has no meaning in this mode."""
    installation = {field.name for field in fields(Where)}
    for name, option in given.items():
        if name in _names(mode) or name in installation:
            continue
        other = next(other for other in MODES if name in _names(other))
        if mode.option:
            raise fail(f"{option} has no effect with {mode.option}; leave one of them out", WRONG_USE)
        raise fail(f"{option} is for {other.does}; add {other.option}, or leave {option} out", WRONG_USE)


def _names(mode: Mode) -> set[str]:
    return {field.name for group in mode.groups for field in fields(group)} | set(mode.more)
