"""Help of one command: its options in groups, each with its default."""

from typing import Any

from typer.core import TyperCommand

from clew.cli.option_groups import INSTALLATION, OUTPUT


class CommandWithGroups(TyperCommand):
    """A command whose help shows options under the headings that they name (`rich_help_panel`)."""

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
