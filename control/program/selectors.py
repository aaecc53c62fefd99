"""Queries about versions of the program."""

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import NotFound
from control.partners.access import require_operator
from control.partners.models import Partner
from control.program.difference import routes_difference, terms_difference
from control.program.load import program_settings
from control.program.models import Offer, ProgramVersion
from control.program.store import read_contents
from control.program.stored_routes import differing_routes, read_routes
from control.program.versions import current, terms_of
from program.labels import Labels
from program.program import Program, Secrets


def versions(actor: Actor) -> QuerySet[ProgramVersion]:
    """Return all versions, newest first. Raises Forbidden."""
    require_operator(actor, Area.PROGRAM, Action.READ)
    return ProgramVersion.objects.order_by("-seq")


def version_of(actor: Actor, seq: int | None = None) -> ProgramVersion:
    """Return a version; the newest one without a number. Raises Forbidden, NotFound."""
    require_operator(actor, Area.PROGRAM, Action.READ)
    found = current() if seq is None else ProgramVersion.objects.filter(seq=seq).first()
    if found is None:
        raise NotFound("nothing is published yet" if seq is None else f"there is no version {seq}")
    return found


def diff(actor: Actor, old: int, new: int) -> list[str]:
    """Return sentences about what changes from one version to another. Raises Forbidden, NotFound."""
    before, after = version_of(actor, old), version_of(actor, new)
    labels = labels_now()
    lines = []
    if before.terms_hash != after.terms_hash:
        lines += terms_difference(terms_of(before), terms_of(after), labels)
    if before.routes_root != after.routes_root:
        routes = differing_routes(before.routes_root, after.routes_root, read_contents)
        lines += routes_difference(*routes, labels)
    return lines


def labels_now() -> Labels:
    """Return the present names; versions do not keep any."""
    goals: dict[int, dict[str, str]] = {}
    names: dict[int, str] = {}
    for number, name, own in Offer.objects.order_by("number").values_list("number", "name", "goals"):
        names[number], goals[number] = name, {goal["key"]: goal["name"] for goal in own}
    partners = Partner.objects.order_by("number").values_list("number", "name").iterator(chunk_size=5_000)
    return Labels(program_settings().name, dict(partners), names, goals)


def program_of(version: ProgramVersion) -> Program:
    """Read a version as a program, with the present names and without secrets."""
    return Program(terms_of(version), read_routes(version.routes_root, read_contents), labels_now(), Secrets())
