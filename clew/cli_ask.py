"""Commands that ask about a data directory: report, explain, problems, sql, attribute, audit."""

from pathlib import Path
from typing import Annotated, Any

import typer

from clew.ask_error import FINE, NO
from clew.cli_options import AsJson, Data, Timeout, settings_or_exit
from clew.client import ask_directory
from clew.datadir import DataDir
from clew.output import err, errors_as_exit_codes, out, print_csv, print_json, print_table
from runtime.clock import SystemClock


def ask_about(data: Path, name: str, parameters: dict[str, Any], timeout_s: float = 120) -> dict[str, Any]:
    with errors_as_exit_codes():
        return ask_directory(DataDir(data), settings_or_exit(), SystemClock(), name, parameters, timeout_s)
    raise AssertionError("unreachable")


def report(
    name: Annotated[str, typer.Argument(help="kpi or rejected.")],
    data: Data,
    by: Annotated[str, typer.Option(help="Dimensions, comma-separated, as partner,offer.")] = "",
    from_: Annotated[str, typer.Option("--from", help="First day or instant, in the program's zone.")] = "",
    to: Annotated[str, typer.Option("--to", help="First day or instant that is left out.")] = "",
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Clicks, conversions, revenue and payout; or what was rejected, and why."""
    answer = ask_about(data, "report", {"name": name, "by": by, "from": from_ or None, "to": to or None})
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
    data: Data,
    as_json: AsJson = False,
) -> None:
    """Every touch, weight, plan, rule and cent of one conversion."""
    answer = ask_about(data, "explain", {"conversion_id": conversion_id})
    if as_json:
        print_json(answer)
    else:
        from attribution.explain_text import lines_of

        for line in lines_of(answer):
            out.print(line, markup=False)


def problems(data: Data, as_json: AsJson = False) -> None:
    """Conversions and adjustments that could not be handled, and why."""
    answer = ask_about(data, "problems", {})
    if as_json:
        print_json(answer)
    elif not answer["problems"]:
        out.print("no problems")
    else:
        columns = list(answer["problems"][0])
        print_table(columns, [[row[column] for column in columns] for row in answer["problems"]])


def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT, WITH, EXPLAIN, SHOW or DESCRIBE over `analyst`.")],
    data: Data,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Query the analysts' views, read-only."""
    answer = ask_about(data, "sql", {"sql": statement})
    columns = [column["name"] for column in answer["columns"]]
    rows = [[row[column] for column in columns] for row in answer["rows"]]
    if as_json:
        print_json(answer)
    elif as_csv:
        print_csv(columns, rows)
    else:
        print_table(columns, rows)


def attribute(
    data: Data,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all that is in the log now is attributed.")] = False,
    timeout: Timeout = 600,
) -> None:
    """Catch up: store what the log holds, credit and price it."""
    err.print("ingesting and attributing …")
    ask_about(data, "attribute", {"wait": wait, "timeout": timeout}, timeout + 30)
    err.print("everything is attributed")


def audit(data: Data, as_json: AsJson = False) -> None:
    """Prove from the tables that nothing is lost, doubled or unexplained."""
    answer = ask_about(data, "audit", {}, 600)
    if as_json:
        print_json(answer)
    else:
        rows = [
            ["ok" if c["ok"] else "FAILED", c["name"], c["found"], "; ".join(map(str, c["examples"]))]
            for c in answer["checks"]
        ]
        print_table(["", "check", "found", "examples"], rows)
    raise typer.Exit(FINE if answer["ok"] else NO)
