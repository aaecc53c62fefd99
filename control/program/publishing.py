"""Publishing of what decides money, and its reverse."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db.models import Q
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.record import Change, record
from control.configuration import current_configuration
from control.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from control.partners.access import require_operator
from control.program.difference import terms_difference
from control.program.load import IN_FORCE, next_coupons, next_plans, rows_for_terms
from control.program.models import (
    Coupon,
    Link,
    Offer,
    OfferStatus,
    Plan,
    ProgramHead,
    ProgramVersion,
    PublishRequest,
    RequestKind,
    RequestState,
    TermsState,
    VersionKind,
)
from control.program.restore import restore_rows
from control.program.routing import Touched, all_routes, route_changes
from control.program.rows import Compiled, compile_rows
from control.program.selectors import labels_now
from control.program.store import read_contents
from control.program.stored_routes import Stored, changed, whole
from control.program.versions import (
    Approval,
    NewVersion,
    add_version,
    changing_program,
    current,
    next_effective,
    terms_content,
    terms_of,
)
from program.program import Program
from program.terms import Terms, hash_of

_KEY = "api_key"
"""Name of all API keys in the setting of those who need an approval."""
IN_PROGRAM = ~Q(status=OfferStatus.DRAFT)
"""Condition of offers that the next version has."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Result of publishing, if somebody did it now."""

    compiled: Compiled
    difference: list[str]


def preview(actor: Actor) -> Preview:
    """Compile the drafts and compare them with the published terms; change nothing. Raises Forbidden."""
    require_operator(actor, Area.PROGRAM, Action.READ)
    compiled = _compile_next()
    before = current()
    if compiled.program is None:
        return Preview(compiled, [])
    old = terms_of(before) if before is not None else None
    return Preview(compiled, terms_difference(old, compiled.program.terms, compiled.program.labels))


def publish(actor: Actor, reason: str = "") -> ProgramVersion:
    """Publish all drafts as one version. Raises Forbidden, Invalid (every mistake), Conflict (no change)."""
    require_alone(actor)
    with changing_program(actor, reason) as head:
        return carry_out(head, RequestKind.PUBLISH, None)


def rollback(actor: Actor, seq: int, reason: str = "") -> ProgramVersion:
    """Make a new version with the terms of an old one. Drafts stay drafts.

    Routes are those of the present rows: a partner that is suspended stays so. An offer that the old terms lack is a
    draft again. Raises Forbidden, NotFound, and Conflict if the terms are those in force.
    """
    require_alone(actor)
    with changing_program(actor, reason) as head:
        return carry_out(head, RequestKind.ROLLBACK, seq)


def may_publish_alone(actor: Actor) -> bool:
    """Return whether an actor may publish without the approval of another person."""
    if not actor.is_operator or not actor.may(Area.PROGRAM, Action.APPROVE):
        return False
    roles = current_configuration().settings.publish_approval_roles
    bound = {part.strip() for part in roles.split(",")}
    own = _KEY if actor.scope is not None else actor.role
    return own is None or str(own) not in bound


def require_alone(actor: Actor) -> None:
    """Check that an actor may publish without an approval. Raises Forbidden."""
    require_operator(actor, Area.PROGRAM, Action.APPROVE)
    if not may_publish_alone(actor):
        raise Forbidden("your role publishes with the approval of another person; ask for approval instead")


@dataclass(frozen=True, slots=True)
class Content:
    """Terms that somebody asks to publish. Its hash names the terms before and after, so that both stay as shown."""

    hash: str
    difference: list[str]


def content_of(kind: str, back_to: int | None) -> Content:
    """Return what publishing or a rollback would change now. Raises Invalid, NotFound, Conflict (no change)."""
    before = current()
    old = terms_of(before) if before is not None else None
    if kind == RequestKind.ROLLBACK:
        target = _target(before, back_to)
        new, key = terms_of(target), target.terms_hash
        lines = terms_difference(old, new, labels_now())
    else:
        compiled = _compile_next()
        program = _checked(compiled)
        new, key = program.terms, _decided(program.terms).hash
        lines = terms_difference(old, new, program.labels)
        if old is not None and _decided(old).hash == key:
            raise Conflict("the drafts change nothing that needs an approval")
    base = _decided(old).hash if old is not None else ""
    return Content(hash_of(f"{kind} {base} {key}".encode()), lines)


def _decided(terms: Terms) -> Terms:
    """Return terms without the states of partners, which publish themselves."""
    kinds = {
        number: msgspec.structs.replace(row, status="active")
        for number, row in terms.partners.items()
        if row.kind != "partner"
    }
    return msgspec.structs.replace(terms, partners=kinds)


def carry_out(
    head: ProgramHead, kind: str, back_to: int | None, approval: Approval | None = None, at: datetime | None = None
) -> ProgramVersion:
    """Publish, or roll back, in the open transaction. With `at`, the terms count from then at the earliest.

    Raises Invalid, NotFound, Conflict.
    """
    wanted = next_effective(head.version, timezone.now())
    effective = max(wanted, at) if at is not None else wanted
    if kind == RequestKind.PUBLISH:
        version = _publish(head, _compile_next(), VersionKind.PUBLISHED, None, approval, effective, drafts=True)
    else:
        old = _target(head.version, back_to)
        terms = terms_of(old)
        restore_rows(terms, effective, _next_seq(head))
        compiled = compile_rows(rows_for_terms(IN_FORCE, IN_FORCE, Q(number__in=list(terms.offers))))
        version = _publish(head, compiled, VersionKind.ROLLED_BACK, old.seq, approval, effective, drafts=False)
    PublishRequest.objects.filter(state=RequestState.OPEN).update(state=RequestState.REPLACED)
    return version


def _target(before: ProgramVersion | None, seq: int | None) -> ProgramVersion:
    """Return the version to go back to. Raises NotFound, Conflict."""
    old = ProgramVersion.objects.filter(seq=seq).first() if seq is not None else None
    if old is None:
        raise NotFound(f"there is no version {seq}")
    if before is not None and old.terms_hash == before.terms_hash:
        raise Conflict(f"version {before.seq} has the terms of version {seq} already")
    return old


def _checked(compiled: Compiled) -> Program:
    """Return the program without mistakes. Raises Invalid."""
    if compiled.program is None:
        raise Invalid(*(FieldError(mistake.place, mistake.message) for mistake in compiled.mistakes))
    return compiled.program


def _compile_next() -> Compiled:
    return compile_rows(rows_for_terms(next_plans(), next_coupons(), IN_PROGRAM))


def _next_seq(head: ProgramHead) -> int:
    return (head.version.seq if head.version else 0) + 1


def _publish(
    head: ProgramHead, compiled: Compiled, kind: VersionKind, back_to: int | None, approval: Approval | None,
    new_from: datetime, *, drafts: bool,
) -> ProgramVersion:  # fmt: skip
    """Store a version. Terms that are new count from `new_from`."""
    program, before = _checked(compiled), head.version
    same_terms = before is not None and program.terms.hash == before.terms_hash
    effective = before.effective if before is not None and same_terms else new_from
    if drafts:
        _put_in_force(effective, _next_seq(head))
    tree = _tree(before, program)
    if before is not None and same_terms and tree.root == before.routes_root:
        raise Conflict("nothing has changed since the last version")
    old = terms_of(before) if before is not None else None
    version = add_version(
        head,
        NewVersion(
            kind, program.terms.hash, tree.root, terms_difference(old, program.terms, program.labels),
            {**tree.contents, **terms_content(program.terms)}, effective, back_to, approval,
        ),
    )  # fmt: skip
    _record(version)
    return version


def _put_in_force(effective: datetime, seq: int) -> None:
    """Publish the drafts, and end the rows that they replace and those that are to end."""
    replaced = list(Plan.objects.filter(state=TermsState.DRAFT).values_list("key", flat=True))
    end = {"state": TermsState.ENDED, "valid_to": effective, "ended_in": seq}
    start = {"state": TermsState.PUBLISHED, "valid_from": effective, "published_in": seq}
    for at in range(0, len(replaced), 500):
        Plan.objects.filter(state=TermsState.PUBLISHED, key__in=replaced[at : at + 500]).update(**end)
    for model in (Plan, Coupon):
        model.objects.filter(state=TermsState.PUBLISHED, ending=True).update(**end)
        model.objects.filter(state=TermsState.DRAFT).update(**start)


def _tree(before: ProgramVersion | None, program: Program) -> Stored:
    """Mark the offers of the terms, and make the routes with the links of those that came or went."""
    numbers = set(program.terms.offers)
    published = set(Offer.objects.filter(published=True).values_list("number", flat=True))
    came, went = sorted(numbers - published), sorted(published - numbers)
    gone = list(Link.objects.filter(offer_id__in=went).values_list("code", flat=True))
    Offer.objects.filter(number__in=came).update(published=True)
    Offer.objects.filter(number__in=went).update(published=False)
    if before is None:
        return whole(all_routes())
    touched = Touched(offers=sorted(numbers), links=Link.objects.filter(offer_id__in=came) if came else None, head=True)
    changes = route_changes(touched)
    changes = msgspec.structs.replace(
        changes,
        links={**changes.links, **dict.fromkeys(gone)},
        offers={**changes.offers, **dict.fromkeys(went)},
    )
    return changed(before.routes_root, changes, read_contents)


def _record(version: ProgramVersion) -> None:
    after = {
        "terms_hash": version.terms_hash, "routes_root": version.routes_root, "effective": version.effective,
        "back_to": version.back_to, "diff": version.diff, "author": version.author, "approver": version.approver,
    }  # fmt: skip
    record(Change(version.kind, "program.programversion", str(version.seq), str(version), None, after))
