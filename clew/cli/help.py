"""One command: its help with options in groups, and the check that no path is empty."""

from pathlib import Path
from typing import Any

from typer.core import TyperCommand

from clew.cli.option_groups import INSTALLATION, OUTPUT
from clew.cli.output import fail
from runtime.user_error import WRONG_USE


class CommandWithGroups(TyperCommand):
    """A command whose help shows options under the headings that they name (`rich_help_panel`)."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; exit with an error if a path is empty, which would mean the working directory."""
        values, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        for parameter in self.params:
            text = values.get(parameter.name)
            if _is_path(parameter) and isinstance(text, str) and not text.strip():
                option = parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar
                raise fail(f"{option} is empty; give a path", WRONG_USE)
        rest: list[str] = super().parse_args(ctx, args)
        return rest

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, group by group; those without a heading first, those of every command last."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            is_argument = parameter.param_type_name == "argument"
            heading = "Arguments" if is_argument else getattr(parameter, "rich_help_panel", None) or "Options"
            groups.setdefault(heading, []).append(record)
        last = {heading: groups.pop(heading) for heading in (INSTALLATION, OUTPUT) if heading in groups}
        for heading, records in (groups | last).items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def _is_path(parameter: Any) -> bool:
    return getattr(parameter.type_descriptor, "annotation", None) is Path
