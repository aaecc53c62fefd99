"""Publishing of routes, with each change of a link, an offer's route, an approval or a partner's state.

The transaction of the change makes the version, from the parts that the change touches. A version is always whole, and
nobody has to wait for a job.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec
from django.db.models import QuerySet
from django.utils import timezone

from control.partners.models import Partner
from control.program.load import head_row, link_rows, offer_rows, partner_rows
from control.program.models import Link, Offer, ProgramHead, ProgramVersion, VersionKind
from control.program.rows import OfferRow, PartnerRow, link_entry, status_of
from control.program.store import read_contents
from control.program.stored_routes import Stored, changed, whole
from control.program.versions import (
    NewVersion,
    add_version,
    current,
    lock_head,
    next_effective,
    terms_content,
    terms_of,
)
from program.entries import Link as LinkEntry
from program.entries import PartnerKind
from program.route_part import RoutesHead
from program.routes import OfferRoute, Routes
from program.routes_tree import RoutesChange
from program.terms import ORDINARY, PartnerTerms, Terms

NAMES_SHOWN_MAX = 20
_BATCH_KEYS = 500
_K = TypeVar("_K")


@dataclass(slots=True)
class Touched:
    """Rows that a change has touched."""

    partners: list[int] = field(default_factory=list)
    offers: list[int] = field(default_factory=list)
    links: QuerySet[Link] | None = None
    head: bool = False


_postponed: ContextVar[bool] = ContextVar("postponed", default=False)


@contextmanager
def postponed_routes() -> Iterator[None]:
    """Publish nothing in the block. The caller publishes the keys of what it changed afterwards, with `publish_keys`.

    For changes of thousands of rows in many transactions: else each of them would rewrite most parts of the routes.
    """
    token = _postponed.set(True)
    try:
        yield
    finally:
        _postponed.reset(token)


def publish_routes(touched: Touched) -> ProgramVersion | None:
    """Make a version of the routes if they are different. Call it last in the transaction of the change.

    Partners that are stopped or start again also make new terms, because their touches count or do not.
    """
    if _postponed.get():
        return None
    head = lock_head()
    if head.version is None:
        return None
    partners = list(partner_rows(Partner.objects.filter(number__in=touched.partners))) if touched.partners else []
    return _publish(head, head.version, route_changes(touched, partners), partners)


def publish_keys(
    partners: Sequence[int] = (), offers: Sequence[int] = (), links: Sequence[str] = ()
) -> ProgramVersion | None:
    """Make one version of the routes of many rows, given by their keys; rows that are gone are taken out."""
    head = lock_head()
    if head.version is None:
        return None
    found = [row for part in _parts(partners) for row in partner_rows(Partner.objects.filter(number__in=part))]
    states = {**dict.fromkeys(partners), **{row.number: status_of(row.works) for row in found}}
    entries: dict[str, LinkEntry | None] = dict.fromkeys(links)
    routes: dict[int, OfferRoute | None] = dict.fromkeys(offers)
    for codes in _parts(links):
        entries.update(route_changes(Touched(links=Link.objects.filter(code__in=codes))).links)
    for numbers in _parts(offers):
        routes.update(route_changes(Touched(offers=[*numbers])).offers)
    return _publish(head, head.version, RoutesChange(entries, states, routes), found)


def _parts(keys: Sequence[_K]) -> Iterator[Sequence[_K]]:
    return (keys[at : at + _BATCH_KEYS] for at in range(0, len(keys), _BATCH_KEYS))


def _publish(
    head: ProgramHead, before: ProgramVersion, changes: RoutesChange, partners: Sequence[PartnerRow]
) -> ProgramVersion | None:
    tree = changed(before.routes_root, changes, read_contents)
    terms = _new_terms(before, partners) if partners else None
    if tree.root == before.routes_root and terms is None:
        return None
    return _add(head, before, tree, terms, _sentences(changes, partners))


def _add(
    head: ProgramHead, before: ProgramVersion, tree: Stored, terms: Terms | None, diff: list[str]
) -> ProgramVersion:
    """Store a version of routes, and of terms if there are new ones."""
    new = NewVersion(VersionKind.ROUTES, before.terms_hash, tree.root, diff, tree.contents)
    if terms is not None:
        contents = {**tree.contents, **terms_content(terms)}
        effective = next_effective(before, timezone.now())
        new = replace(new, terms_hash=terms.hash, contents=contents, effective=effective)
    return add_version(head, new)


def route_changes(touched: Touched, partners: Iterable[PartnerRow] = ()) -> RoutesChange:
    """Load the routes of rows that were touched."""
    links = link_rows(touched.links) if touched.links is not None else ()
    offers = Offer.objects.filter(number__in=touched.offers, published=True)
    return RoutesChange(
        {link.code: link_entry(link) for link in links},
        {partner.number: status_of(partner.works) for partner in partners},
        {offer.number: offer_route(offer) for offer in offer_rows(offers)} if touched.offers else {},
        _head() if touched.head else None,
    )


def _head() -> RoutesHead:
    row = head_row()
    return RoutesHead(row.fallback_url, row.trusted_proxies)


def offer_route(row: OfferRow) -> OfferRoute:
    """Return the route of an offer."""
    return OfferRoute(
        landing_url=row.landing_url, status=status_of(row.active), allowed_hosts=tuple(row.allowed_hosts),
        pass_through=row.pass_through,
    )  # fmt: skip


def _new_terms(before: ProgramVersion, rows: Iterable[PartnerRow]) -> Terms | None:
    """Return terms with the present states and kinds of some partners; None if they are those of the version."""
    terms = terms_of(before)
    coupons = (coupon for group in terms.coupons.values() for coupon in group)
    named = {plan.partner_id for plan in terms.plans} | {coupon.partner_id for coupon in coupons}
    partners = dict(terms.partners)
    for row in rows:
        entry = PartnerTerms(status_of(row.works), _kind(row))
        if entry == ORDINARY or not (row.was_active or row.number in named):
            partners.pop(row.number, None)
        else:
            partners[row.number] = entry
    return None if partners == terms.partners else msgspec.structs.replace(terms, partners=partners)


def _kind(row: PartnerRow) -> PartnerKind:
    return "direct" if row.kind == "direct" else "partner"


def _sentences(changes: RoutesChange, partners: Iterable[PartnerRow]) -> list[str]:
    """Say what was touched; `diff` compares two versions in full."""
    lines = []
    if changes.head is not None:
        lines.append("changes the fallback URL or the trusted proxies")
    lines += _named("partner", [f"{row.name} ({'active' if row.works else 'inactive'})" for row in partners])
    lines += _named("offer", [str(number) for number in changes.offers])
    lines += _named("link", list(changes.links))
    return lines


def _named(noun: str, names: list[str]) -> list[str]:
    if not names:
        return []
    rest = len(names) - NAMES_SHOWN_MAX
    shown = ", ".join(names[:NAMES_SHOWN_MAX]) + (f" and {rest} more" if rest > 0 else "")
    return [f"changes {noun}{'s' if len(names) > 1 else ''} {shown}"]


def all_routes() -> Routes:
    """Load all routes of the published offers."""
    head = head_row()
    return Routes(
        fallback_url=head.fallback_url,
        trusted_proxies=head.trusted_proxies,
        partners={row.number: status_of(row.works) for row in partner_rows(Partner.objects.all())},
        offers={row.number: offer_route(row) for row in offer_rows(Offer.objects.filter(published=True))},
        links={row.code: link_entry(row) for row in link_rows(Link.objects.all())},
    )


def difference_from_rows() -> str:
    """Compare the published routes with those of the rows; return a sentence if they differ."""
    version = current()
    if version is None or whole(all_routes()).root == version.routes_root:
        return ""
    return f"version {version.seq} has other routes than its rows; `clew program import` of any file publishes them"


def rebuild_routes() -> ProgramVersion | None:
    """Build all routes from the rows; make a version if they differ from those published. For imports and repairs."""
    head = lock_head()
    before = head.version
    if before is None:
        return None
    tree = whole(all_routes())
    terms = _new_terms(before, partner_rows(Partner.objects.all()))
    if tree.root == before.routes_root and terms is None:
        return None
    return _add(head, before, tree, terms, ["rebuilds all routes"])
