"""Audit and repair an installation."""

import typer

from clew.cli.ask import ask
from clew.cli.control_checks import add_control_checks
from clew.cli.option_groups import AsJson, with_option_groups
from clew.cli.options import Where, settings_or_exit
from clew.cli.output import out, print_json, print_table
from clew.requests.types import AuditRequest, RepairRequest
from runtime.user_error import FINE, NO

_AUDIT_TIMEOUT_S, _REPAIR_TIMEOUT_S = 600, 24 * 3600


@with_option_groups
def audit(where: Where, as_json: AsJson = False) -> None:
    """Check that no record is lost, duplicated or unexplained.

    Exit code 1 if a check fails.
    """
    answer = ask(where, AuditRequest(), _AUDIT_TIMEOUT_S)
    add_control_checks(answer, where.address_or_exit(settings_or_exit()))
    if as_json:
        print_json(answer)
    else:
        rows = [
            [
                "ok" if check["ok"] else "FAILED",
                check["name"],
                check["found"],
                "; ".join(map(str, check["examples"])),
            ]
            for check in answer["checks"]
        ]
        print_table(["", "check", "found", "examples"], rows)
    raise typer.Exit(FINE if answer["ok"] else NO)


@with_option_groups
def repair(where: Where, as_json: AsJson = False) -> None:
    """Repair damage that `clew audit` found.

    Rows are restored where the log or a stored pass proves them; the rest is reported with its fix.
    """
    answer = ask(where, RepairRequest(), _REPAIR_TIMEOUT_S)
    if as_json:
        print_json(answer)
    elif not answer["repairs"]:
        out.print("nothing to repair")
    else:
        rows = [
            [repaired["name"], repaired["mended"], repaired["left"], "; ".join(repaired["examples"])]
            for repaired in answer["repairs"]
        ]
        print_table(["damage", "repaired", "left", "examples"], rows)
    raise typer.Exit(FINE if answer["ok"] else NO)
