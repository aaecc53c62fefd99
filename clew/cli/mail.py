"""Commands about mail: take reports of addresses that take no mail, and take such a mark back."""

import sys
from typing import Annotated

import typer

from clew.cli.control_options import WhereControl, refusals_as_exit_codes
from clew.cli.option_groups import with_option_groups
from clew.cli.output import fail, out
from runtime.user_error import WRONG_USE

_REPORT_BYTES_MAX = 1024**2


@with_option_groups
def read_bounce(where: WhereControl) -> None:
    """Read a delivery status report (RFC 3464) from standard input.

    Addresses that it says take no mail get only mail that their readers have to have. Let the mail server pipe the
    mailbox of the sender into this command. The report must return the mail or its headers, which prove that the mail
    came from here. Exit code 2 for another mail.
    """
    report = sys.stdin.buffer.read(_REPORT_BYTES_MAX + 1)
    where.open_or_exit(signs=True)
    from control.accounts.actor import command_line
    from control.notifications.bounces import NotAReport, note_bounces

    with refusals_as_exit_codes():
        try:
            found = note_bounces(command_line(), report)
        except NotAReport as error:
            raise fail(str(error), WRONG_USE) from None
    for bounce in found:
        out.print(f"{bounce.email} takes no mail: {bounce.status}")
    if not found:
        out.print("the report tells of a delay only")


@with_option_groups
def clear_bounce(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="E-mail address that works again.")], where: WhereControl
) -> None:
    """Send all mail to an address again. Exit code 1 if it is not marked."""
    where.open_or_exit()
    from control.accounts.actor import command_line
    from control.notifications.bounces import forget_bounce

    with refusals_as_exit_codes():
        forget_bounce(command_line(), email)
    out.print(f"{email} gets all mail again")
