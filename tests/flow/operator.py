"""A process that changes a control plane by its services, one line of JSON per step.

It is a process of its own, like the web process: Django is set up once per process.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


class Operator:
    """The process, seen from a test."""

    def __init__(self, data: Path, environment: dict[str, str]) -> None:
        words = [sys.executable, "-m", "tests.flow.operator", str(data)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True, bufsize=1
        )

    def __call__(self, step: str, *arguments: Any) -> Any:
        """Do a step and wait until it is committed."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([step, *arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the operator ended at {step}"
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(20)


def wait_until(condition: Any, timeout_s: float, what: str) -> float:
    """Wait until a condition holds; return the seconds it took."""
    started_s = time.monotonic()
    while not condition():
        assert time.monotonic() - started_s < timeout_s, what
        time.sleep(0.005)
    return time.monotonic() - started_s


def main() -> None:
    from control.address import SqliteFile
    from control.configuration import Configuration, secret_key
    from control.migrate import migrate
    from control.start import start_django
    from runtime.settings import load_settings

    data, settings = Path(sys.argv[1]), load_settings()
    address = SqliteFile(data / "control.sqlite")
    start_django(Configuration(address, settings, secret_key(data, settings)))
    migrate(address)
    steps = _steps()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        sys.stdout.write(json.dumps(steps[name](*arguments)) + "\n")
        sys.stdout.flush()


def _steps() -> dict[str, Any]:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from control.accounts.actor import Actor
    from control.accounts.keys import make_key
    from control.accounts.models import User
    from control.accounts.people import add_operator, new_user, store_with_seat
    from control.accounts.roles import PartnerRole
    from control.audit.origin import ActorKind
    from control.changes import changing
    from control.distribution.selectors import spread_of
    from control.partners.services import create_partner, transition
    from control.program.models import Offer
    from control.program.publishing import publish
    from control.program.selectors import version_of
    from control.program.services.links import create_link
    from control.program.services.offers import create_offer, rotate_postback_secret
    from control.program.services.terms_rows import create_plan

    ann = Actor(ActorKind.COMMAND, name="test")

    def offer(url: str, secret: str | None) -> int:
        return create_offer(ann, {"name": "Shoes", "landing_url": url}, "active", secret).number

    def plan(number: int, percent_e6: int) -> None:
        create_plan(ann, {"offer": Offer.objects.get(number=number), "percent_e6": percent_e6})

    def spread() -> list[int]:
        found = spread_of(version_of(ann))
        return [found.live, found.edges]

    def session(email: str, role: str) -> str:
        """Make a person of a role; return the cookie of a session."""
        return signed_in(SessionStore(), add_operator(ann, email, role))

    def signed_in(store: SessionStore, user: User) -> str:
        store[SESSION_KEY], store[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
        store[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
        store.save()
        return store.session_key or ""

    def seat(email: str, partner: int) -> str:
        """Make an owner of a partner; return the cookie of a session."""
        store, user = SessionStore(), new_user(email, "", None)
        with changing(ann):
            store_with_seat(user, partner, PartnerRole.OWNER)
        return signed_in(store, user)

    return {
        "seat": seat,
        "key": lambda scope, partner=None: make_key(ann, f"{scope} {partner}", scope, partner)[1],
        "session": session,
        "partner": lambda name: create_partner(ann, {"name": name}, "active").number,
        "offer": offer,
        "plan": plan,
        "publish": lambda: publish(ann, "test").seq,
        "link": lambda offer, partner, code="": create_link(ann, offer, partner, code).code,
        "move": lambda number, to: transition(ann, number, to, "test").number,
        "rotate": lambda number: rotate_postback_secret(ann, number),
        "spread": spread,
    }


if __name__ == "__main__":
    main()
