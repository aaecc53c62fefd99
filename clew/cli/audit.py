"""Audit and repair an installation."""

import typer

from clew.cli.ask import ask_about
from clew.cli.options import AsJson, Data, Log, Warehouse, Where
from clew.cli.output import out, print_json, print_table
from runtime.user_error import FINE, NO


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
