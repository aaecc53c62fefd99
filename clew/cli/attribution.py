"""Attribution commands: catch up, run other models, compare runs, export fitted weights."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from clew.cli.ask import ask_about
from clew.cli.options import AsJson, Data, Host, Log, MetricsPort, ProgramOrNewest, Timeout, Warehouse, Where
from clew.cli.output import err, fail, out, print_json, print_table
from runtime.user_error import WRONG_USE


def run_models(where: Where, asked: dict[str, Any], timeout_s: float, program: Path | None, as_json: bool) -> None:
    """Do a run and say what it came to."""
    err.print("attributing what is in the log, then the run …")
    answer = ask_about(where, "run", {**asked, "timeout": timeout_s}, timeout_s + 30, program)
    if as_json:
        return print_json(answer)
    what = "was done before; nothing is written" if answer["was_there"] else f"{answer['rows']} credits written"
    out.print(f"run {answer['run_id']}: {what}")
    values = ", ".join(f"{value} {currency}" for currency, value in answer["values"].items()) or "nothing"
    failed = f", {answer['failed']} could not be worked out" if answer["failed"] else ""
    out.print(f"{answer['conversions']} conversions worth {values}{failed}")
    for model, fitted in answer["shares"].items():
        nulls = "" if fitted["nulls"] is None else f" and {fitted['nulls']} journeys without one"
        out.print(f"{model}: fitted to {fitted['touched']} conversions with touches{nulls}; gap {fitted['gap']:.2e}")
        rows = [[one["partner_id"], *map(_part, (one["share_e12"] / 1e12, one["ci_low"], one["ci_high"]))]
                for one in fitted["partners"]]  # fmt: skip
        print_table(["partner_id", "share", "ci_low", "ci_high"], rows, model)
    return None


def _part(share: float | None) -> str:
    return "" if share is None else f"{share:.4f}"


def diff(
    left: Annotated[str, typer.Argument(metavar="RUN1", help="A run's id or its beginning, or live; RUN:MODEL.")],
    right: Annotated[str, typer.Argument(metavar="RUN2", help="The other run.")],
    data: Data = None,
    log: Log = None,
    warehouse: Warehouse = None,
    by: Annotated[str, typer.Option(help="partner, offer or both, with a comma.")] = "partner",
    as_json: AsJson = False,
) -> None:
    """What one run gives more than another, by partner."""
    answer = ask_about(Where(data, log, warehouse), "diff", {"left": left, "right": right, "by": by}, 600)
    if as_json:
        return print_json(answer)
    columns = [column["name"] for column in answer["columns"]]
    print_table(columns, [[row[column] for column in columns] for row in answer["rows"]], f"{left} > {right}")
    return None


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
        asked = {"models": model, "from": from_ or None, "to": to or None, "as_of": as_of or None, "reuse": reuse,
                 "stitch": stitch, "workers": workers, "wait": wait,
                 "conversions_min": conversions_min}  # fmt: skip
        return run_models(where, asked, timeout, program, as_json)
    if from_ or to or as_of or stitch or conversions_min or reuse != "reuse" or workers != 1:
        raise fail(_FOR_RUNS, WRONG_USE)
    if follow:
        from clew.cli import serve

        if program is None:
            raise fail("--follow needs --program FILE, which new conversions are priced under", WRONG_USE)
        return serve.follow(where, program, host, metrics_port)
    err.print("ingesting and attributing …")
    ask_about(where, "attribute", {"wait": wait, "timeout": timeout}, timeout + 30, program)
    err.print("everything is attributed")


_GAP_WORTH_A_WORD = 0.001


def fit(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id or its beginning; RUN:MODEL.")],
    data: Data = None,
    log: Log = None,
    warehouse: Warehouse = None,
    program: ProgramOrNewest = None,
    as_json: AsJson = False,
) -> None:
    """What a run of markov or shapley was fitted to, as [[fits]] for the program file: plans pay by fitted(ID)."""
    from program.fits import to_toml
    from program.program import Fit

    answer = ask_about(Where(data, log, warehouse), "fit", {"run": run}, program=program)
    if as_json:
        return print_json(answer)
    if answer["unknown_partners"]:
        unknown = ", ".join(map(str, answer["unknown_partners"]))
        err.print(f"the program lacks partners {unknown}: add them first, as inactive if they left")
    if answer["gap"] > _GAP_WORTH_A_WORD:
        err.print(
            f"credits by these weights differ from the fitted shares for {answer['gap']:.1%} of the conversions: "
            "partners that convert alone keep what is theirs (docs/guide/runs.md, gap)"
        )
    said = {**answer, "from_ts": answer["from"] or "", "to_ts": answer["to"] or ""}
    for line in to_toml(msgspec.convert(said, Fit, str_keys=True)):
        out.print(line, markup=False)
    return None
