"""API keys: hashed at rest, found by their text only, revoked at once."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from control.accounts.actor import Actor, command_line
from control.accounts.actor_of_job import actor_of_job
from control.accounts.keys import actor_of_key, api_keys, end_of_day, make_key, revoke_key
from control.accounts.models import ApiKey
from control.accounts.roles import KeyScope, Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, acting
from control.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
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


def test_a_key_is_refused_after_its_time_with_the_reason() -> None:
    now = timezone.now()
    with pytest.raises(Invalid, match="in the future"):
        make_key(command_line(), "shop", "read", expires=now)
    key, text = make_key(command_line(), "shop", "read", expires=now + timedelta(days=1))
    assert key.expires is not None
    assert actor_of_key(text, key.expires - timedelta(microseconds=1)) is not None
    with pytest.raises(Unauthenticated, match="'shop' expired at"):
        actor_of_key(text, key.expires)
    assert actor_of_key(text[:-1] + "x" * (text[-1] != "x") + "y" * (text[-1] == "x"), key.expires) is None
    assert actor_of_job("api_key", str(key.pk)).name == "shop"
    with acting(command_line()):
        ApiKey.objects.update(expires=now)
    with pytest.raises(Forbidden):
        actor_of_job("api_key", str(key.pk))
    revoke_key(command_line(), "shop")
    assert actor_of_key(text, now) is None
    assert str(end_of_day(date(2027, 6, 30))) == "2027-07-01 00:00:00+00:00"


def test_a_key_without_a_use_for_90_days_is_unused() -> None:
    key, _ = make_key(command_line(), "shop", "read")
    day = timedelta(days=1)
    assert not key.is_unused(key.created + 89 * day) and key.is_unused(key.created + 90 * day)
    key.last_used = key.created + 50 * day
    assert not key.is_unused(key.created + 139 * day) and key.is_unused(key.created + 140 * day)
