"""Secrets of the program, for the edges that check them. Pages, API and commands never call this."""

from control.program.models import SealedSecret
from control.program.sealing import seal, unseal
from program.program import Secrets

_OWNER_OF_KEYS = "events"


def load_secrets() -> Secrets:
    """Unseal all secrets. Raises UserError if they were sealed with another key."""
    keys: list[str] = []
    of_offers: dict[int, str] = {}
    for row in SealedSecret.objects.order_by("id"):
        sealed = bytes(row.sealed_secret)
        if row.offer_id is None:
            keys.append(unseal(sealed, _OWNER_OF_KEYS))
        else:
            of_offers[row.offer_id] = unseal(sealed, owner_of(row.offer_id))
    return Secrets(tuple(keys), of_offers)


def store_event_key(key: str) -> None:
    """Seal a key of events, in the open transaction."""
    SealedSecret.objects.create(offer=None, sealed_secret=seal(key, _OWNER_OF_KEYS))


def store_postback_secret(number: int, secret: str) -> None:
    """Seal the secret of an offer, in the open transaction."""
    row = SealedSecret.objects.filter(offer_id=number).first() or SealedSecret(offer_id=number)
    row.sealed_secret = seal(secret, owner_of(number))
    row.save()


def owner_of(number: int) -> str:
    """Return the owner that an offer's secret is sealed for."""
    return f"offer {number}"
