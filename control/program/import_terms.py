"""Import of plans and coupons: the next version will have those of the file; the others stay as they are."""

from django.db import transaction

from control.program.difference import terms_difference
from control.program.import_report import Import
from control.program.load import coupon_entry, next_coupons, next_plans, plan_entry
from control.program.models import Coupon, Plan, TermsState
from control.program.restore import coupon_columns, plan_columns
from control.program.versions import lock_head
from program.entries import Plan as PlanEntry
from program.entries import coupon_key
from program.program import Program
from program.terms import Terms


def import_plans(job: Import, program: Program) -> None:
    """Make drafts of the plans that differ from those of the next version."""
    present = {row.key: plan_entry(row) for row in Plan.objects.filter(next_plans())}
    wanted = {plan.name: plan for plan in program.terms.plans}
    differing = [plan for name, plan in sorted(wanted.items()) if present.get(name) != plan]
    if not job.dry_run:
        with transaction.atomic():
            lock_head()
            _store_plans(differing)
    count = job.report.count("plan")
    count.created = sum(plan.name not in present for plan in differing)
    count.changed = len(differing) - count.created
    count.unchanged = len(wanted) - len(differing)
    before, after = _terms(program, present), _terms(program, {**present, **wanted})
    for line in terms_difference(before, after, program.labels):
        job.report.say(f"~ {line}")
    job.step(len(wanted))


def _terms(program: Program, plans: dict[str, PlanEntry]) -> Terms:
    return Terms(currency=program.terms.currency, timezone=program.terms.timezone, plans=tuple(plans.values()))


def _store_plans(plans: list[PlanEntry]) -> None:
    drafts = {row.key: row for row in Plan.objects.filter(state=TermsState.DRAFT)}
    published = {row.key: row for row in Plan.objects.filter(state=TermsState.PUBLISHED, ending=True)}
    created = []
    for plan in plans:
        row, ending = drafts.get(plan.name), published.get(plan.name)
        if row is not None:
            for column, value in plan_columns(plan).items():
                setattr(row, column, value)
            row.save()
        elif ending is not None and plan_entry(ending) == plan:
            ending.ending = False
            ending.save(update_fields=["ending"])
        else:
            created.append(Plan(**plan_columns(plan)))
    Plan.objects.bulk_create(created)


def import_coupons(job: Import, program: Program) -> None:
    """Make drafts of the coupons that the next version lacks; they end those that use the same code."""
    present = list(Coupon.objects.filter(next_coupons()))
    entries = {coupon_entry(row) for row in present}
    wanted = [coupon for group in program.terms.coupons.values() for coupon in group]
    new = [coupon for coupon in wanted if coupon not in entries]
    codes = {coupon_key(coupon.code) for coupon in new}
    replaced = [row for row in present if row.key in codes and coupon_entry(row) not in wanted]
    if not job.dry_run:
        with transaction.atomic():
            lock_head()
            for row in replaced:
                if row.state == TermsState.DRAFT:
                    row.delete()
                else:
                    row.ending = True
                    row.save(update_fields=["ending"])
            Coupon.objects.bulk_create(Coupon(**coupon_columns(coupon)) for coupon in new)
    count = job.report.count("coupon")
    count.created, count.unchanged = len(new), len(wanted) - len(new)
    for coupon in new:
        job.report.say(f"+ coupon {coupon.code} of partner {coupon.partner_id} for offer {coupon.offer_id}")
    for row in replaced:
        job.report.say(f"~ ends coupon {row.code} of partner {row.partner_id} for offer {row.offer_id}")
