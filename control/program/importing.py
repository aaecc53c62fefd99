"""Import of a program file: rows are created or changed under their own numbers, none is removed.

It works in batches, each one transaction, and a second import of the same file changes nothing; so an import that was
stopped is simply repeated. Plans and coupons become drafts. Routes are published at the end, as one version.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import msgspec
from django.db import models, transaction

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.origin import acting
from control.numbers.sequence import skip_to
from control.partners.access import require_operator
from control.partners.models import Partner, PartnerTransition
from control.partners.search_text import SOURCES, text_of
from control.partners.services import KIND as PARTNER_KIND
from control.partners.states import LINKS_WORK, PartnerStatus
from control.program.import_report import Import, ImportReport, Progress
from control.program.import_terms import import_coupons, import_plans
from control.program.load import program_settings
from control.program.models import Link, LinkStatus, Offer, OfferStatus, StoredFit
from control.program.routing import rebuild_routes
from control.program.rows import HeadRow, OfferRow, PartnerRow, rows_of
from control.program.services.offers import KIND as OFFER_KIND
from control.program.stored_secrets import load_secrets, store_event_key, store_postback_secret
from program.program import Program, Secrets

BATCH_ROWS = 1_000
_M = TypeVar("_M", bound=models.Model)


def import_program(
    actor: Actor, program: Program, *, dry_run: bool = False, progress: Progress = lambda _done, _total: None
) -> ImportReport:
    """Take the program of a file into the database. Raises Forbidden, UserError."""
    require_operator(actor, Area.PROGRAM, Action.APPROVE)
    actor.require(Area.SETTINGS, Action.WRITE)
    rows, terms, routes = rows_of(program), program.terms, program.routes
    total = len(routes.partners) + len(terms.offers) + len(terms.plans) + len(routes.links)
    job = Import(actor, dry_run, progress, total)
    with acting(actor):
        if not dry_run:  # first, so that nobody else is given a number of the file
            skip_to(PARTNER_KIND, max(routes.partners, default=0))
            skip_to(OFFER_KIND, max(terms.offers, default=0))
        _settings(job, rows.head)
        _upsert(job, Partner, "number", (_partner(row) for row in rows.partners), "partner")
        _upsert(job, Offer, "number", (_offer(row) for row in rows.offers), "offer")
        _fits(job, program)
        import_plans(job, program)
        import_coupons(job, program)
        _upsert(job, Link, "code", _links(program), "link")
        _secrets(job, program.secrets)
        if not dry_run:
            with transaction.atomic():
                job.report.version = rebuild_routes()
    return job.report


def _settings(job: Import, head: HeadRow) -> None:
    values = {
        "name": head.name, "currency": head.currency, "timezone": head.timezone, "fallback_url": head.fallback_url,
        "trusted_proxies": list(head.trusted_proxies), "report_models": sorted(head.models),
        "link_user_id": head.link_user_id,
    }  # fmt: skip
    row = program_settings()
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        job.report.say(f"~ program: {name}: {getattr(row, name)} -> {values[name]}")
        setattr(row, name, values[name])
    if changed and not job.dry_run:
        row.save()


def _partner(row: PartnerRow) -> dict[str, Any]:
    return {"number": row.number, "name": row.name, "kind": row.kind, "status": row.works}


def _offer(row: OfferRow) -> dict[str, Any]:
    return {
        "number": row.number, "name": row.name, "landing_url": row.landing_url, "allowed_hosts": row.allowed_hosts,
        "click_window_us": row.click_window_us, "impression_window_us": row.impression_window_us, "goals": row.goals,
        "reopen": row.reopen, "pass_through": row.pass_through, "status": row.active,
    }  # fmt: skip


def _links(program: Program) -> Iterator[dict[str, Any]]:
    for link in program.routes.links.values():
        status = LinkStatus.ACTIVE if link.status == "active" else LinkStatus.INACTIVE
        yield {
            "code": link.code, "offer_id": link.offer_id, "partner_id": link.partner_id, "status": status,
            "landing_url": link.landing_url, "subs": dict(link.subs),
        }  # fmt: skip


def _status(model: type[models.Model], stored: str | None, works: Any) -> str:
    """Return the state that a row gets: that which it has, unless the file says the opposite."""
    if model is Partner:
        kept = stored is not None and (stored in LINKS_WORK) == works
        return str(stored) if kept else PartnerStatus.ACTIVE if works else PartnerStatus.SUSPENDED
    if model is Offer:
        kept = stored is not None and stored != OfferStatus.DRAFT and (stored == OfferStatus.ACTIVE) == works
        return str(stored) if kept else OfferStatus.ACTIVE if works else OfferStatus.PAUSED
    return str(works)


def _upsert(job: Import, model: type[_M], key: str, rows: Iterable[dict[str, Any]], noun: str) -> None:
    """Create the rows that are not there, change those that differ."""
    pending = iter(rows)
    while batch := list(islice(pending, BATCH_ROWS)):
        with transaction.atomic():
            found = model._default_manager.filter(**{f"{key}__in": [values[key] for values in batch]})
            stored = {getattr(row, key): row for row in found}
            created, changed, names = [], [], set[str]()
            for values in batch:
                row = stored.get(values[key])
                values["status"] = _status(model, getattr(row, "status", None), values["status"])
                if row is None:
                    created.append(model(**values))
                elif differing := _set(job, row, values, f"{noun} {values[key]}"):
                    changed.append(row)
                    names.update(differing)
            _store(job, model, created, changed, names)
        count = job.report.count(noun)
        count.created, count.changed = count.created + len(created), count.changed + len(changed)
        count.unchanged += len(batch) - len(created) - len(changed)
        for new in created:
            job.report.say(f"+ {noun} {getattr(new, key)}")
        job.step(len(batch))


def _set(job: Import, row: models.Model, values: dict[str, Any], name: str) -> list[str]:
    differing = [column for column, value in values.items() if getattr(row, column) != value]
    for column in differing:
        job.report.say(f"~ {name}: {column}: {getattr(row, column)} -> {values[column]}")
        setattr(row, column, values[column])
    return differing


def _store(job: Import, model: type[_M], created: list[_M], changed: list[_M], names: set[str]) -> None:
    if job.dry_run:
        return
    old: dict[Any, str] = {}
    if model is Partner and "status" in names:
        numbers = [row.pk for row in changed]
        old = dict(Partner.objects.filter(number__in=numbers).values_list("number", "status"))
    if created:
        model._default_manager.bulk_create(created)
    if changed:
        if names & {*SOURCES}:  # bulk_update computes no column
            for row in changed:
                if isinstance(row, Partner):
                    row.search = text_of(row)
                    names = names | {"search"}
        model._default_manager.bulk_update(changed, sorted(names))
    if model is Partner:
        moved = [*created, *(row for row in changed if row.pk in old and old[row.pk] != getattr(row, "status", ""))]
        PartnerTransition.objects.bulk_create(
            PartnerTransition(
                partner_id=row.pk, old=old.get(row.pk, ""), new=getattr(row, "status", ""), reason=job.actor.reason,
                actor=(job.actor.name or job.actor.kind)[:254],
            )
            for row in moved
        )  # fmt: skip


def _fits(job: Import, program: Program) -> None:
    stored = set(StoredFit.objects.values_list("id", flat=True))
    for fit_id, fit in program.terms.fits.items():
        if fit_id not in stored:
            job.report.say(f"+ fitted weights {fit_id}")
            if not job.dry_run:
                StoredFit.objects.create(id=fit_id, content=msgspec.json.encode(fit))


def _secrets(job: Import, secrets: Secrets) -> None:
    """Store secrets that are not there yet. The report names their owners only."""
    stored = load_secrets()
    for number, secret in secrets.postback_secrets.items():
        before = stored.postback_secrets.get(number)
        if secret and secret != before:
            job.report.say(f"{'+' if before is None else '~'} postback secret of offer {number}")
            if not job.dry_run:
                store_postback_secret(number, secret)
    for key in secrets.api_keys:
        if key not in stored.api_keys:
            job.report.say("+ key of events")
            if not job.dry_run:
                store_event_key(key)
