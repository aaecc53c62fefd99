"""Rows for the load on the console: a large program, people with sessions, keys, a trail."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.bench_publish import insert_rows
from control.address import SqliteFile
from control.configuration import Configuration, secret_key
from control.start import start_django
from runtime.settings import load_settings

OFFERS, MANAGERS, PARTNERS_OF_MANAGER = 1_000, 10, 1_000
AUDIT_EVENTS = 200_000
COUNTRIES, TIERS = ("DE", "US", "GB", "FR", "PL", "ES", "SE"), ("Gold", "Silver", "Bronze", "")
STATES = (*("active",) * 16, "applied", "approved", "dormant", "suspended")
ROLES = ("owner", "admin", "partner_manager", "finance", "analyst")


@dataclass(frozen=True, slots=True)
class Size:
    """Numbers of what a filled directory has."""

    partners: int
    links: int
    users: int
    writers: int


@dataclass(frozen=True, slots=True)
class Filled:
    """Ways in for the users of the load."""

    size: Size
    sessions: list[tuple[str, str]]
    """Role and session key of each person."""
    api_key: str
    writer_keys: list[str]


def fill(folder: Path, size: Size) -> Filled:
    """Make the database of the control plane in a directory. It has no audit events of its rows, but as many others."""
    upgrade(folder)
    from control.accounts.actor import command_line
    from control.accounts.keys import make_key
    from control.program.publishing import publish

    sessions = _people(size.users)
    _program(size.partners, size.links)
    publish(command_line(), "load")
    _trail(size.partners)
    keys = [make_key(command_line(), f"load {number}", "admin")[1] for number in range(size.writers + 1)]
    return Filled(size, sessions, keys[0], keys[1:])


def upgrade(folder: Path) -> None:
    """Bring the database of a directory to this version; make it if there is none."""
    settings, address = load_settings(), SqliteFile(folder / "control.sqlite")
    start_django(Configuration(address, settings, secret_key(folder, settings)))
    from control.migrate import migrate

    migrate(address)


def _people(users: int) -> list[tuple[str, str]]:
    """Make people, and a session of each as the sign-in makes it."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from control.accounts.actor import command_line
    from control.accounts.people import add_operator

    made = []
    for number in range(users):
        role = ROLES[number % len(ROLES)]
        user = add_operator(command_line(), f"user{number}@acme.example", role, f"User {number}")
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        made.append((role, str(session.session_key)))
    return made


def _program(partners: int, links: int) -> None:
    from control.accounts.models import User
    from control.numbers.sequence import skip_to
    from control.partners.models import Partner
    from control.program.models import Link, Offer, Plan

    managers = list(User.objects.filter(role="partner_manager").values_list("pk", flat=True))[:MANAGERS]
    owned = dict.fromkeys(range(partners + 1))
    for at, manager in enumerate(managers):
        owned |= dict.fromkeys(range(1 + at * PARTNERS_OF_MANAGER, 1 + (at + 1) * PARTNERS_OF_MANAGER), manager)
    insert_rows(Partner, (
        Partner(
            number=n, name=f"Partner {n * 7_919 % partners}", status=STATES[n % len(STATES)],
            email=f"team{n}@partner.example", company=f"Company {n}", country=COUNTRIES[n % len(COUNTRIES)],
            tier=TIERS[n % len(TIERS)], type="affiliate", manager_id=owned.get(n),
        )
        for n in range(1, partners + 1)
    ))  # fmt: skip
    url = "https://shop.example/landing?cid={click_id}"
    insert_rows(Offer, (
        Offer(number=n, name=f"Offer {n}", status="active", landing_url=url) for n in range(1, OFFERS + 1)
    ))  # fmt: skip
    insert_rows(Link, (
        Link(code=f"{n:07}", offer_id=1 + n % OFFERS, partner_id=1 + n % partners) for n in range(links)
    ))  # fmt: skip
    insert_rows(Plan, (Plan(key=f"offer={n}", offer_id=n, percent_e6=8_000_000) for n in range(1, OFFERS + 1)))
    skip_to("partner", partners)
    skip_to("offer", OFFERS)


def _trail(partners: int) -> None:
    """Add audit events of the past, in the order of their times."""
    from django.utils import timezone

    from control.audit.models import AuditEvent

    now = timezone.now()
    insert_rows(AuditEvent, (
        AuditEvent(
            at=now - timedelta(seconds=60 * (AUDIT_EVENTS - n)), actor_kind="person" if n % 3 else "api_key",
            actor_id=f"actor {n % 40}", actor_name=f"User {n % 40}", action="updated" if n % 4 else "created",
            object_type="partners.partner", object_id=str(1 + n % partners), object_name=f"Partner {n}",
            partner=1 + n % partners, before={"tier": "Silver"}, after={"tier": "Gold"}, reason="", request_id="",
            address="", digest="",
        )
        for n in range(AUDIT_EVENTS)
    ))  # fmt: skip
