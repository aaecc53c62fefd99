"""Commands that ask about a data directory: report, explain, problems, sql, attribute, audit."""

from typing import Annotated

import typer

from clew.ask_about import ask_about
from clew.ask_error import FINE, NO, WRONG_USE
from clew.cli_options import (
    AsJson,
    Data,
    Host,
    Log,
    MetricsPort,
    ProgramOrNewest,
    Timeout,
    Warehouse,
    Where,
)
from clew.output import err, fail, out, print_csv, print_json, print_table


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
        from attribution.explain_text import lines_of

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


_FOR_RUNS = (
    "--from, --to, --as-of, --reuse, --stitch, --workers and --conversions-min are for runs: name models with --model"
)


def attribute(
    data: Data = None,
    log: Log = None,
    warehouse: Warehouse = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all that is in the log now is attributed.")] = False,
    timeout: Timeout = 600,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on for as long as it runs: a station, on servers.")
    ] = False,
    program: ProgramOrNewest = None,
    metrics_port: MetricsPort = 0,
    host: Host = "127.0.0.1",
    model: Annotated[str | None, typer.Option(help="Do a run of these models, with commas; it pays nothing.")] = None,
    from_: Annotated[str, typer.Option("--from", help="Run: first day or instant, in the program's zone.")] = "",
    to: Annotated[str, typer.Option("--to", help="Run: first day or instant that is left out.")] = "",
    as_of: Annotated[str, typer.Option("--as-of", help="Run: know what was received until then; now.")] = "",
    reuse: Annotated[str, typer.Option(help="Run: reuse a touch, consume or reset it after a conversion.")] = "reuse",
    stitch: Annotated[
        bool, typer.Option("--stitch", help="Run: join visitors that share a user, and vice versa.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Run: slices worked at once.", min=1, max=64)] = 1,
    conversions_min: Annotated[
        int, typer.Option("--conversions-min", help="Run: fit markov and shapley to no fewer conversions.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Catch up: store what the log holds, credit and price it. With --model: a run, which only writes credits."""
    where = Where(data, log, warehouse)
    if model is not None and not model.strip():
        raise fail("--model names no model; leave it out to catch up only", WRONG_USE)
    if model is not None:
        from clew import cli_runs

        asked = {"models": model, "from": from_ or None, "to": to or None, "as_of": as_of or None, "reuse": reuse,
                 "stitch": stitch, "workers": workers, "wait": wait,
                 "conversions_min": conversions_min}  # fmt: skip
        return cli_runs.run_models(where, asked, timeout, program, as_json)
    if from_ or to or as_of or stitch or conversions_min or reuse != "reuse" or workers != 1:
        raise fail(_FOR_RUNS, WRONG_USE)
    if follow:
        from clew import cli_run

        if program is None:
            raise fail("--follow needs --program FILE, which new conversions are priced under", WRONG_USE)
        return cli_run.follow(where, program, host, metrics_port)
    err.print("ingesting and attributing …")
    ask_about(where, "attribute", {"wait": wait, "timeout": timeout}, timeout + 30, program)
    err.print("everything is attributed")


def audit(data: Data = None, log: Log = None, warehouse: Warehouse = None, as_json: AsJson = False) -> None:
    """Prove from the tables that nothing is lost, doubled or unexplained."""
    answer = ask_about(Where(data, log, warehouse), "audit", {}, 600)
    if as_json:
        print_json(answer)
    else:
        rows = [
            ["ok" if c["ok"] else "FAILED", c["name"], c["found"], "; ".join(map(str, c["examples"]))]
            for c in answer["checks"]
        ]
        print_table(["", "check", "found", "examples"], rows)
    raise typer.Exit(FINE if answer["ok"] else NO)


def repair(data: Data = None, log: Log = None, warehouse: Warehouse = None, as_json: AsJson = False) -> None:
    """Mend what `clew audit` found, as far as the log and what is kept of passes prove it; name the rest."""
    answer = ask_about(Where(data, log, warehouse), "repair", {}, 24 * 3600)
    if as_json:
        print_json(answer)
    elif not answer["repairs"]:
        out.print("nothing to mend")
    else:
        rows = [[r["name"], r["mended"], r["left"], "; ".join(r["examples"])] for r in answer["repairs"]]
        print_table(["damage", "mended", "left", "examples"], rows)
    raise typer.Exit(FINE if answer["ok"] else NO)
