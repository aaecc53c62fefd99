"""`clew fit`: the weights of a run as a table of the program file."""

from typing import Annotated

import msgspec
import typer

from clew.ask_about import ask_about
from clew.cli_options import AsJson, Data, Log, ProgramOrNewest, Warehouse, Where
from clew.output import err, out, print_json

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
    from schemas.program import Fit
    from schemas.program_fits import to_toml

    answer = ask_about(Where(data, log, warehouse), "fit", {"run": run}, program=program)
    if as_json:
        return print_json(answer)
    if answer["unknown_partners"]:
        unknown = ", ".join(map(str, answer["unknown_partners"]))
        err.print(f"the program lacks partners {unknown}: add them first, as inactive if they left")
    if answer["gap"] > _GAP_WORTH_A_WORD:
        err.print(
            f"credits by these weights differ from the fitted shares for {answer['gap']:.1%} of the conversions: "
            "partners that convert alone keep what is theirs (docs/runs.md, gap)"
        )
    said = {**answer, "from_ts": answer["from"] or "", "to_ts": answer["to"] or ""}
    for line in to_toml(msgspec.convert(said, Fit, str_keys=True)):
        out.print(line, markup=False)
    return None
