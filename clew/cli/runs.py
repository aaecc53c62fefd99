"""Commands about stored runs: compare two, and export the weights of a fitted one."""

from typing import Annotated

import msgspec
import typer

from clew.cli.ask import ask
from clew.cli.option_groups import AsJson, with_option_groups
from clew.cli.options import ProgramOrNewest, Where
from clew.cli.output import err, out, print_json, print_table
from clew.requests.types import DiffRequest, FitRequest

_RUN = "Id of a run or its first digits, or `live`; RUN:MODEL where it has several models."
_GAP_MIN = 0.001
"""Smallest gap that is worth a warning."""
_DIFF_TIMEOUT_S = 600


@with_option_groups
def diff(
    left: Annotated[str, typer.Argument(metavar="RUN1", help=_RUN)],
    right: Annotated[str, typer.Argument(metavar="RUN2", help="The run to compare with.")],
    where: Where,
    by: Annotated[str, typer.Option(metavar="DIMENSIONS", help="partner, offer, or both, separated by a comma.")] = (
        "partner"
    ),
    as_json: AsJson = False,
) -> None:
    """Compare two runs.

    Shows what the second run credits more or less than the first, by partner or offer.
    """
    answer = ask(where, DiffRequest(left=left, right=right, by=by), _DIFF_TIMEOUT_S)
    if as_json:
        print_json(answer)
        return
    columns = [column["name"] for column in answer["columns"]]
    print_table(columns, [[row[column] for column in columns] for row in answer["rows"]], f"{left} > {right}")


@with_option_groups
def fit(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run or its first digits; RUN:MODEL.")],
    where: Where,
    program: ProgramOrNewest = None,
    as_json: AsJson = False,
) -> None:
    """Print a fitted run's weights as a [[fits]] table.

    The run is one of markov or shapley. Copy the table into the program file; a plan
    pays by them with model = "fitted(ID)".
    """
    from program.entries import Fit
    from program.fits import to_toml  # imported here: `clew diff` needs no program file

    answer = ask(where, FitRequest(run=run), program=program)
    if as_json:
        print_json(answer)
        return
    if answer["unknown_partners"]:
        unknown = ", ".join(map(str, answer["unknown_partners"]))
        err.print(f"the program lacks partners {unknown}; add them first, as inactive if they left")
    if answer["gap"] > _GAP_MIN:
        err.print(
            f"credits by these weights differ from the fitted shares for {answer['gap']:.1%} of the conversions, "
            "because a partner that converts alone keeps the whole credit (docs/guide/runs.md, gap)"
        )
    fields = {**answer, "from_ts": answer["from"] or "", "to_ts": answer["to"] or ""}
    for line in to_toml(msgspec.convert(fields, Fit, str_keys=True)):
        out.print(line)
