"""Commands about API keys: add, list, revoke."""

import sys
from datetime import date, datetime
from typing import Annotated

import typer

from clew.cli.control_options import WhereControl, refusals_as_exit_codes
from clew.cli.option_groups import AsJson, with_option_groups
from clew.cli.output import err, out, print_json, print_table

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the key.")]


@with_option_groups
def add_api_key(
    name: Name,
    scope: Annotated[str, typer.Option(metavar="SCOPE", help="read, write or admin.")],
    where: WhereControl,
    partner: Annotated[
        int | None, typer.Option(metavar="ID", help="Partner whose rows the key is limited to.", min=1)
    ] = None,
    expires: Annotated[
        str, typer.Option(metavar="DATE", help="Last day in UTC on which the key is in force, such as 2027-06-30.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make an API key and print it.

    Only a hash of it is stored, so it cannot be shown again.
    """
    where.open_or_exit()
    from control.accounts.actor import command_line
    from control.accounts.keys import end_of_day, make_key

    with refusals_as_exit_codes():
        until = end_of_day(_day(expires)) if expires else None
        key, text = make_key(command_line(), name, scope, partner, until)
    if as_json:
        made = {"id": str(key.pk), "name": key.name, "scope": key.scope, "partner": key.partner_id}
        print_json({**made, "expires": _text(key.expires), "key": text})
    else:
        sys.stdout.write(f"{text}\n")
        err.print("keep this key now; it cannot be shown again")


@with_option_groups
def list_api_keys(where: WhereControl, as_json: AsJson = False) -> None:
    """List the API keys that are not revoked.

    Keys that nobody has used for 90 days are marked.
    """
    where.open_or_exit()
    from control.accounts.actor import command_line
    from control.accounts.keys import api_keys

    rows = [
        {
            "name": key.name,
            "scope": key.scope,
            "partner": key.partner_id,
            "begins_with": f"clew_{key.prefix}",
            "created": _text(key.created),
            "expires": _text(key.expires),
            "last_used": _text(key.last_used),
            "unused": key.is_unused(),
        }
        for key in api_keys(command_line())
    ]
    if as_json:
        print_json({"items": rows})
    else:
        columns = ["name", "scope", "partner", "begins_with", "created", "expires", "last_used", "unused"]
        print_table(columns, [[row[name] for name in columns] for row in rows])


def _day(text: str) -> date:
    """Read a date. Raises Invalid."""
    from control.errors import FieldError, Invalid

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(FieldError("expires", f"must be a date such as 2027-06-30, not {text!r}")) from None


def _text(time: datetime | None) -> str | None:
    return time.isoformat().replace("+00:00", "Z") if time is not None else None


@with_option_groups
def revoke_api_key(name: Name, where: WhereControl) -> None:
    """Revoke an API key at once.

    Exit code 1 if there is no such key.
    """
    where.open_or_exit()
    from control.accounts.actor import command_line
    from control.accounts.keys import revoke_key

    with refusals_as_exit_codes():
        key = revoke_key(command_line(), name)
    out.print(f"revoked {key.name}")
