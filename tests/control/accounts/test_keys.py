"""API keys: hashed at rest, found by their text only, revoked at once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from control.accounts.actor import Actor, command_line
from control.accounts.keys import actor_of_key, api_keys, make_key, revoke_key
from control.accounts.models import ApiKey
from control.accounts.roles import KeyScope, Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind
from control.errors import Conflict, Forbidden, Invalid, NotFound
from control.partners.services import create_partner

pytestmark = pytest.mark.usefixtures("database")


def test_a_key_is_its_actor_until_it_is_revoked() -> None:
    key, text = make_key(command_line(), "shop", "write")
    actor = actor_of_key(text, timezone.now())
    assert actor == Actor(ActorKind.API_KEY, str(key.pk), "shop", scope=KeyScope.WRITE)
    revoke_key(command_line(), "shop")
    assert actor_of_key(text, timezone.now()) is None
    assert not api_keys(command_line()).exists()


def test_a_key_of_a_partner_is_limited_to_it() -> None:
    number = create_partner(command_line(), {"name": "Blue Lagoon"}).number
    _, text = make_key(command_line(), "blue", "read", number)
    actor = actor_of_key(text, timezone.now())
    assert actor is not None and actor.partner == number


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "x", lambda t: "", lambda t: t.replace("_", ""),
                                    lambda t: t[:18] + "A" * 43, lambda t: "clew_" + "\ud800"])  # fmt: skip
def test_another_text_is_not_a_key(change) -> None:  # type: ignore[no-untyped-def]
    _, text = make_key(command_line(), "shop", "read")
    assert actor_of_key(change(text), timezone.now()) is None


def test_only_a_hash_is_stored_and_recorded() -> None:
    _, text = make_key(command_line(), "shop", "read")
    secret = text.split("_", 2)[2]
    assert secret not in str(ApiKey.objects.values().get())
    event = AuditEvent.objects.get()
    assert secret not in str(event.after) and event.after["digest"] == "(hidden)"


def test_the_last_use_is_kept_to_the_minute_and_not_in_the_trail() -> None:
    _, text = make_key(command_line(), "shop", "read")
    now = timezone.now()
    for seconds in (0, 30, 90):
        actor_of_key(text, now + timedelta(seconds=seconds))
    assert ApiKey.objects.get().last_used == now + timedelta(seconds=90)
    actor_of_key(text, now + timedelta(seconds=100))
    assert ApiKey.objects.get().last_used == now + timedelta(seconds=90)
    assert AuditEvent.objects.count() == 1


def test_refusals() -> None:
    make_key(command_line(), "shop", "read")
    with pytest.raises(Conflict, match="already"):
        make_key(command_line(), " shop ", "read")
    for name, scope, partner in (("a", "all", None), ("", "read", None), ("a\nb", "read", None), ("a", "read", 99)):
        with pytest.raises(Invalid):
            make_key(command_line(), name, scope, partner)
    with pytest.raises(NotFound):
        revoke_key(command_line(), "nope")
    finance = Actor(ActorKind.PERSON, "1", "Fay", role=Role.FINANCE)
    for call in (
        lambda: make_key(finance, "a", "read"),
        lambda: revoke_key(finance, "shop"),
        lambda: api_keys(finance),
    ):
        with pytest.raises(Forbidden):
            call()
    revoke_key(command_line(), "shop")
    make_key(command_line(), "shop", "read")
