"""API keys: making, checking, revoking."""

import hashlib
import re
import secrets
from datetime import UTC, date, datetime, time, timedelta
from hmac import compare_digest
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.models import ApiKey
from control.accounts.roles import Action, Area, KeyScope
from control.audit.origin import ActorKind, acting
from control.changes import changing
from control.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated, validate
from control.partners.models import Partner

_MARK = "clew"
_FORM = re.compile(rf"{_MARK}_(?P<prefix>[0-9a-f]{{12}})_[A-Za-z0-9_-]{{43}}")
_PREFIX_BYTES, _SECRET_BYTES = 6, 32
_USED_INTERVAL = timedelta(minutes=1)
_NO_DIGEST = "0" * 64


def make_key(
    actor: Actor, name: str, scope: str, partner: int | None = None, expires: datetime | None = None
) -> tuple[ApiKey, str]:
    """Store a new key; return it with its text, which is shown once. Raises Forbidden, Invalid, Conflict."""
    actor.require(Area.SETTINGS, Action.WRITE)
    prefix, secret = secrets.token_hex(_PREFIX_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    text = f"{_MARK}_{prefix}_{secret}"
    if expires is not None and expires <= timezone.now():
        raise Invalid(FieldError("expires", "must be in the future; leave it out for a key that does not expire"))
    with changing(actor):
        if partner is not None and not Partner.objects.filter(number=partner).exists():
            raise Invalid(FieldError("partner", f"there is no partner {partner}"))
        if ApiKey.objects.filter(name=name.strip(), revoked=None).exists():
            raise Conflict(f"there is an API key {name.strip()!r} already; revoke it, or choose another name")
        key = ApiKey(
            name=name.strip(), scope=scope, partner_id=partner, prefix=prefix, digest=_digest(text),
            created_by=actor.name[:254], expires=expires,
        )  # fmt: skip
        validate(key)
        key.save(force_insert=True)
    return key, text


def revoke_key(actor: Actor, name: str) -> ApiKey:
    """Revoke the key with a name; it stops at once. Raises Forbidden, NotFound."""
    actor.require(Area.SETTINGS, Action.WRITE)
    with changing(actor):
        key = ApiKey.objects.select_for_update().filter(name=name, revoked=None).first()
        if key is None:
            raise NotFound(f"there is no API key {name!r} in force")
        key.revoked = timezone.now()
        key.save(update_fields=["revoked"])
    return key


def key_of(actor: Actor, key_id: UUID) -> ApiKey:
    """Return a key that is not revoked. Raises Forbidden, NotFound."""
    found = api_keys(actor).select_related("partner").filter(pk=key_id).first()
    if found is None:
        raise NotFound(f"there is no API key {key_id}")
    return found


def end_of_day(day: date) -> datetime:
    """Return the end of a day in UTC, until which a key with this last day is in force."""
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


def api_keys(actor: Actor) -> QuerySet[ApiKey]:
    """Return the keys that are not revoked, also those that have expired. Raises Forbidden."""
    actor.require(Area.SETTINGS, Action.READ)
    return ApiKey.objects.filter(revoked=None).order_by("name")


def actor_of_key(text: str, now: datetime) -> Actor | None:
    """Return the actor whose key this is; None for a text that is not a key in force. Takes the same time for both.

    Raises Unauthenticated for the whole text of a key that has expired.
    """
    form = _FORM.fullmatch(text)
    key = ApiKey.objects.filter(prefix=form["prefix"] if form else "").first()
    fits = compare_digest(_digest(text), key.digest if key is not None else _NO_DIGEST)
    if key is None or not fits or key.revoked is not None:
        return None
    if key.expires is not None and key.is_expired(now):
        raise Unauthenticated(f"the API key {key.name!r} expired at {key.expires:%Y-%m-%d %H:%M} UTC; make a new one")
    actor = Actor(ActorKind.API_KEY, str(key.pk), key.name, scope=KeyScope(key.scope), partner=key.partner_id)
    if key.last_used is None or now - key.last_used > _USED_INTERVAL:
        stale = Q(last_used=None) | Q(last_used__lt=now - _USED_INTERVAL)
        with acting(actor):
            ApiKey.objects.filter(stale, pk=key.pk).update(last_used=now)
    return actor


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
