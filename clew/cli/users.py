"""Commands about people who sign in: add, list, disable, reset the second factor, make a link that signs in."""

import sys
from typing import Annotated

import typer

from clew.cli.control_options import WhereControl, refusals_as_exit_codes
from clew.cli.option_groups import AsJson, with_option_groups
from clew.cli.output import err, fail, out, print_json, print_table
from runtime.user_error import WRONG_USE

_PASSWORD_CHARS_MAX = 1_024
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="E-mail address of the person.")]


@with_option_groups
def add_user(
    email: Email,
    role: Annotated[
        str,
        typer.Option(metavar="ROLE", help="owner, admin, partner_manager, finance, support, analyst or read_only."),
    ],
    where: WhereControl,
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the person.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Add an operator.

    Without a password, the person signs in with a code that is sent by mail.
    """
    password = _password_or_exit() if password_stdin else None
    settings = where.open_or_exit()
    from control.accounts.actor import command_line
    from control.accounts.people import add_operator

    with refusals_as_exit_codes():
        user = add_operator(command_line(), email, role, name, password)
    out.print(f"added {user.email} as {user.role}")
    if password is None and not settings.mail.server:
        err.print(
            "no mail server is set here, so the code for signing in cannot be sent; set CLEW_MAIL__SERVER, or add "
            "people with --password-stdin"
        )


def _password_or_exit() -> str:
    """Read one line; exit with an error if it is empty or not text."""
    try:
        line = sys.stdin.readline(_PASSWORD_CHARS_MAX + 2)
    except UnicodeDecodeError:
        raise fail("the password on standard input is not UTF-8", WRONG_USE) from None
    password = line.rstrip("\r\n")
    if not password or len(password) > _PASSWORD_CHARS_MAX:
        raise fail(
            f"standard input must hold a password of 1 to {_PASSWORD_CHARS_MAX} characters in its first line", WRONG_USE
        )
    return password


@with_option_groups
def list_users(where: WhereControl, as_json: AsJson = False) -> None:
    """List people, their roles and their last sign-in."""
    where.open_or_exit()
    from control.accounts.actor import command_line
    from control.accounts.people import people

    rows = [
        {
            "email": user.email,
            "name": user.name,
            "role": user.role,
            "partners": {str(seat.partner_id): seat.role for seat in user.seats.all()},
            "active": user.is_active,
            "last_sign_in": user.last_login.isoformat().replace("+00:00", "Z") if user.last_login else None,
        }
        for user in people(command_line()).prefetch_related("seats").order_by("email")
    ]
    if as_json:
        print_json({"items": rows})
    else:
        columns = ["email", "name", "role", "partners", "active", "last_sign_in"]
        print_table(columns, [[row[name] or None for name in columns] for row in rows])


@with_option_groups
def disable_user(email: Email, where: WhereControl) -> None:
    """Disable a person and end the sessions.

    Exit code 1 if there is no such person, or if it is the last owner.
    """
    where.open_or_exit()
    from control.accounts.actor import command_line
    from control.accounts.people import disable_person, person_by_email

    with refusals_as_exit_codes():
        actor = command_line()
        user = disable_person(actor, person_by_email(actor, email).pk)
    out.print(f"disabled {user.email}")


@with_option_groups
def reset_second_factor_of(email: Email, where: WhereControl) -> None:
    """Remove the second factors of a person who has lost them.

    The recovery codes and the sessions end too. Exit code 1 if there is no such person, or no second factor.
    """
    where.open_or_exit()
    from control.accounts.actor import command_line
    from control.accounts.people import person_by_email
    from control.accounts.second_factor import reset_second_factor

    with refusals_as_exit_codes():
        actor = command_line()
        user = reset_second_factor(actor, person_by_email(actor, email).pk)
    out.print(f"removed the second factors of {user.email}")


@with_option_groups
def make_link(email: Email, where: WhereControl) -> None:
    """Print a link that signs a person in once, within an hour.

    For when neither a provider nor the mail server works. A second factor is still asked for. Exit code 1 if there is
    no such person, or if the person is disabled.
    """
    settings = where.open_or_exit(signs=True)
    from control.accounts.actor import command_line
    from control.accounts.sign_in_links import make_sign_in_link

    with refusals_as_exit_codes():
        path = make_sign_in_link(command_line(), email)
    out.print(f"{settings.web.url}{path}")
    if not settings.web.url:
        err.print("put the address of the console before this path; CLEW_WEB__URL would do it")
