"""Commands about runs: `clew attribute --model`, and `clew diff`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from clew.ask_about import ask_about
from clew.cli_options import AsJson, Data, Log, Warehouse, Where
from clew.output import err, out, print_json, print_table


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
