"""Commands that ask about an installation: report, explain, problems, sql."""

from typing import Annotated, Any

import typer

from clew.cli.ask import ask
from clew.cli.option_groups import AsJson, with_option_groups
from clew.cli.options import ProgramOrNewest, TableOutput, Where
from clew.cli.output import fail, out, print_csv, print_json, print_table
from clew.requests.types import ExplainRequest, ProblemsRequest, ReportRequest, SqlRequest
from reporting.dimensions import filters_of
from reporting.explain_text import lines_of
from runtime.user_error import WRONG_USE, ReportError


@with_option_groups
def report(
    name: Annotated[str, typer.Argument(metavar="NAME", help="kpi or rejected.")],
    where: Where,
    output: TableOutput,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="DIMENSIONS",
            help="Dimensions, separated by commas (default: partner,offer for kpi; reason for rejected).",
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="DATE", help="First day or instant, in the program's time zone (default: no limit)."
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="End: first day or instant that is not included (default: no limit)."),
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="DIMENSION=VALUES",
            help="Rows to count, such as country=DE,FR; give it once for each dimension (kpi only).",
        ),
    ] = None,
    program: ProgramOrNewest = None,
) -> None:
    """Report traffic and money, or refused requests."""
    output.check()
    try:
        wanted = filters_of(filters or [])
    except ReportError as error:
        raise fail(str(error), WRONG_USE) from None
    request = ReportRequest(name=name, by=by, from_=from_, to=to, filters=wanted or None)
    answer = ask(where, request, program=program)
    _print_rows(answer, output, f"report {name}")


@with_option_groups
def explain(
    conversion_id: Annotated[
        str, typer.Argument(metavar="CONVERSION_ID", help="32 hex digits, as in the answer to the postback.")
    ],
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Explain one conversion: touches, weights, plan, amounts."""
    answer = ask(where, ExplainRequest(conversion_id=conversion_id))
    if as_json:
        print_json(answer)
    else:
        for line in lines_of(answer):
            out.print(line)


@with_option_groups
def problems(where: Where, as_json: AsJson = False) -> None:
    """List conversions and adjustments that failed, and why."""
    answer = ask(where, ProblemsRequest())
    if as_json:
        print_json(answer)
    elif not answer["problems"]:
        out.print("no problems")
    else:
        columns = list(answer["problems"][0])
        print_table(columns, [[row[column] for column in columns] for row in answer["problems"]])


@with_option_groups
def sql(
    statement: Annotated[
        str,
        typer.Argument(metavar="STATEMENT", help="One SELECT, WITH, EXPLAIN, SHOW or DESCRIBE over `analyst`."),
    ],
    where: Where,
    output: TableOutput,
) -> None:
    """Query the views for analysts, read-only.

    A query may take up to 30 seconds and return up to 1,000,000 rows.
    """
    output.check()
    _print_rows(ask(where, SqlRequest(sql=statement)), output)


def _print_rows(answer: dict[str, Any], output: TableOutput, title: str = "") -> None:
    columns = [column["name"] for column in answer["columns"]]
    rows = [[row[column] for column in columns] for row in answer["rows"]]
    if output.as_json:
        print_json(answer)
    elif output.as_csv:
        print_csv(columns, rows)
    else:
        print_table(columns, rows, title)
