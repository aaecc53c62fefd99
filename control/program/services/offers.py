"""Changes of offers."""

import secrets
from collections.abc import Mapping
from typing import Any

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import apply_values, locked
from control.errors import Conflict, FieldError, Invalid, Mistakes
from control.numbers.sequence import take_one
from control.partners.access import require_operator
from control.program.models import Link, Offer, OfferStatus
from control.program.routing import Touched, publish_routes
from control.program.stored_secrets import store_postback_secret
from control.program.versions import changing_program
from program import fields
from program.landing_hosts import allowed_of

KIND = "offer"
"""Kind of the numbers of offers."""
EDITABLE = frozenset(
    {"name", "access", "description", "landing_url", "allowed_hosts", "click_window_us", "impression_window_us"}
    | {"goals", "reopen", "pass_through"}
)
ROUTED = frozenset({"landing_url", "allowed_hosts", "pass_through"})
"""Fields that publish themselves; windows, goals and `reopen` decide money and wait for somebody to publish."""
_HOSTS = frozenset({"landing_url", "allowed_hosts"})
CODES_SHOWN_MAX = 5
_S = OfferStatus
TRANSITIONS: Mapping[str, frozenset[str]] = {
    _S.DRAFT: frozenset({_S.ACTIVE, _S.PAUSED, _S.ARCHIVED}),
    _S.ACTIVE: frozenset({_S.PAUSED, _S.ARCHIVED}),
    _S.PAUSED: frozenset({_S.ACTIVE, _S.ARCHIVED}),
    _S.ARCHIVED: frozenset({_S.PAUSED, _S.ACTIVE}),
}
SECRET_BYTES = 24
_READ_ROWS = 2_000


def create_offer(
    actor: Actor, values: Mapping[str, Any], status: str = OfferStatus.DRAFT, postback_secret: str | None = None
) -> Offer:
    """Store a new offer under the next number. Its links work once it is published. Raises Forbidden, Invalid."""
    require_operator(actor, Area.PROGRAM, Action.WRITE)
    with changing_program(actor):
        mistakes, is_first = Mistakes(), status in (OfferStatus.DRAFT, OfferStatus.ACTIVE)
        if not is_first:
            mistakes.add("status", "a new offer is draft or active")
        offer = Offer(number=take_one(KIND), status=status if is_first else OfferStatus.DRAFT)
        with mistakes.gathered():
            apply_values(offer, _normal(values), EDITABLE)
        if postback_secret is not None:
            with mistakes.gathered():
                _check_secret(postback_secret)
        mistakes.check()
        offer.save(force_insert=True)
        if postback_secret is not None:
            store_secret(offer.number, postback_secret)
    return offer


def change_offer(actor: Actor, number: int, values: Mapping[str, Any]) -> Offer:
    """Change fields of an offer. Raises Forbidden, NotFound, Invalid."""
    require_operator(actor, Area.PROGRAM, Action.WRITE)
    with changing_program(actor):
        offer = locked(Offer, "offer", number=number)
        changed = apply_values(offer, _normal(values), EDITABLE)
        if _HOSTS & {*changed}:
            _check_pages_of_links(offer, changed)
        if changed:
            offer.save(update_fields=changed)
        if offer.published and ("access" in changed or ROUTED & {*changed}):
            actor.require(Area.PROGRAM, Action.APPROVE)
            links = Link.objects.filter(offer=offer) if "access" in changed else None
            publish_routes(Touched(offers=[number], links=links))
    return offer


def _check_pages_of_links(offer: Offer, changed: list[str]) -> None:
    """Check that the offer still allows the hosts of its links' own landing pages. Raises Invalid."""
    allowed = allowed_of(offer.landing_url, tuple(offer.allowed_hosts))
    pages = Link.objects.filter(offer=offer).exclude(landing_url="").order_by("code").values_list("code", "landing_url")
    stray = [code for code, url in pages.iterator(chunk_size=_READ_ROWS) if not allowed.holds_page(url)]
    if not stray:
        return
    rest = f" and {len(stray) - CODES_SHOWN_MAX} more" if len(stray) > CODES_SHOWN_MAX else ""
    field = "allowed_hosts" if "allowed_hosts" in changed else "landing_url"
    raise Invalid(
        FieldError(
            field,
            f"leaves out hosts of the landing pages of links {', '.join(stray[:CODES_SHOWN_MAX])}{rest}; "
            "keep the hosts in allowed_hosts, or change the links first",
        )
    )


def set_offer_status(actor: Actor, number: int, to: str, reason: str = "") -> Offer:
    """Move an offer to another state; its links follow at once. Raises Forbidden, NotFound, Conflict."""
    require_operator(actor, Area.PROGRAM, Action.WRITE)
    with changing_program(actor, reason):
        offer = locked(Offer, "offer", number=number)
        allowed = TRANSITIONS[offer.status]
        if to not in allowed:
            states = ", ".join(sorted(allowed))
            raise Conflict(f"offer {number} is {offer.status} and cannot become {to}; it may become {states}")
        offer.status = to
        offer.save(update_fields=["status"])
        if offer.published:
            actor.require(Area.PROGRAM, Action.APPROVE)
            publish_routes(Touched(offers=[number]))
    return offer


def set_postback_secret(actor: Actor, number: int, secret: str) -> None:
    """Store the secret of an offer's postbacks. Nobody can read it back. Raises Forbidden, NotFound, Invalid."""
    require_operator(actor, Area.PROGRAM, Action.APPROVE)
    with changing_program(actor):
        offer = locked(Offer, "offer", number=number)
        store_secret(offer.number, secret)


def rotate_postback_secret(actor: Actor, number: int) -> str:
    """Give an offer a new random secret and return it, this once. Raises Forbidden, NotFound."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    set_postback_secret(actor, number, secret)
    return secret


def store_secret(number: int, secret: str) -> None:
    """Seal the secret of an offer, in the open transaction. Raises Invalid."""
    _check_secret(secret)
    store_postback_secret(number, secret)


def _check_secret(secret: str) -> None:
    try:
        fields.secret_reader(lambda _: None)(secret)
    except ValueError as error:
        raise Invalid(FieldError("postback_secret", str(error))) from None


def _normal(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with hosts in the form in which they are compared; the validator reports the others."""
    hosts = values.get("allowed_hosts")
    if not isinstance(hosts, list):
        return dict(values)
    return {**values, "allowed_hosts": [_host(host) for host in hosts]}


def _host(host: Any) -> Any:
    try:
        return fields.host_pattern(host) if isinstance(host, str) else host
    except ValueError:
        return host
