"""Commands that ask about a data directory: report, explain, problems, sql, attribute, audit."""

from typing import Annotated

import typer

from clew.cli.ask import ask_about
from clew.cli.options import (
    AsJson,
    Data,
    Log,
    ProgramOrNewest,
    Warehouse,
    Where,
)
from clew.cli.output import out, print_csv, print_json, print_table


def report(
    name: Annotated[str, typer.Argument(help="kpi or rejected.")],
    data: Data = None,
    log: Log = None,
    warehouse: Warehouse = None,
    by: Annotated[str, typer.Option(help="Dimensions, comma-separated, as partner,offer.")] = "",
    from_: Annotated[str, typer.Option("--from", help="First day or instant, in the program's zone.")] = "",
    to: Annotated[str, typer.Option("--to", help="First day or instant that is left out.")] = "",
    program: ProgramOrNewest = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Clicks, conversions, revenue and payout; or what was rejected, and why."""
    asked = {"name": name, "by": by, "from": from_ or None, "to": to or None}
    answer = ask_about(Where(data, log, warehouse), "report", asked, program=program)
    columns = [column["name"] for column in answer["columns"]]
    rows = [[row[column] for column in columns] for row in answer["rows"]]
    if as_json:
        print_json(answer)
    elif as_csv:
        print_csv(columns, rows)
    else:
        print_table(columns, rows, f"report {name}")


def explain(
    conversion_id: Annotated[str, typer.Argument(help="32 hex digits, as the postback answered.")],
    data: Data = None,
    log: Log = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """Every touch, weight, plan, rule and cent of one conversion."""
    answer = ask_about(Where(data, log, warehouse), "explain", {"conversion_id": conversion_id})
    if as_json:
        print_json(answer)
    else:
        from reporting.explain_text import lines_of

        for line in lines_of(answer):
            out.print(line, markup=False)


def problems(data: Data = None, log: Log = None, warehouse: Warehouse = None, as_json: AsJson = False) -> None:
    """Conversions and adjustments that could not be handled, and why."""
    answer = ask_about(Where(data, log, warehouse), "problems", {})
    if as_json:
        print_json(answer)
    elif not answer["problems"]:
        out.print("no problems")
    else:
        columns = list(answer["problems"][0])
        print_table(columns, [[row[column] for column in columns] for row in answer["problems"]])


def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT, WITH, EXPLAIN, SHOW or DESCRIBE over `analyst`.")],
    data: Data = None,
    log: Log = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Query the analysts' views, read-only."""
    answer = ask_about(Where(data, log, warehouse), "sql", {"sql": statement})
    columns = [column["name"] for column in answer["columns"]]
    rows = [[row[column] for column in columns] for row in answer["rows"]]
    if as_json:
        print_json(answer)
    elif as_csv:
        print_csv(columns, rows)
    else:
        print_table(columns, rows)
