"""Groups of options that a command takes as one value, and the headings of help.

A command declares a parameter whose type is a subclass of `OptionGroup`; `with_option_groups` shows its fields to
Typer as options. Shared options are therefore declared once, not once per command.
"""

import dataclasses
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

INSTALLATION, OUTPUT = "Installation", "Output"

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.", rich_help_panel=OUTPUT)]


@dataclasses.dataclass(frozen=True, slots=True)
class OptionGroup:
    """Options that a command takes as one value; each field is an option."""


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each parameter that is an OptionGroup by one parameter for each of its fields, at the end."""
    own, fields = [], []
    groups: dict[str, type[OptionGroup]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        kind = parameter.annotation
        if not (isinstance(kind, type) and issubclass(kind, OptionGroup)):
            own.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        groups[parameter.name] = kind
        hints = get_type_hints(kind, include_extras=True)
        fields += [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
            )
            for field in dataclasses.fields(kind)
        ]

    @wraps(command)
    def called(**values: Any) -> None:
        given = {
            name: kind(**{field.name: values.pop(field.name) for field in dataclasses.fields(kind)})
            for name, kind in groups.items()
        }
        command(**values, **given)

    parameters = [*own, *fields]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    vars(called)["__signature__"] = inspect.Signature(parameters)
    return called


def given_options(context: typer.Context) -> dict[str, str]:
    """Return the options on the command line: the name of each one's parameter, and the option as typed in help."""
    given = {}
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            given[parameter.name or ""] = parameter.opts[0]
    return given
