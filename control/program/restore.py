"""Restoring of rows from old terms, for a rollback."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from control.program.load import coupon_entry, plan_entry, program_settings, time_of
from control.program.models import Coupon, Offer, OfferStatus, Plan, StoredFit, TermsState
from program.entries import Coupon as CouponEntry
from program.entries import Plan as PlanEntry
from program.entries import coupon_key
from program.terms import Terms


def restore_rows(terms: Terms, effective: datetime, seq: int) -> None:
    """Make the rows in force those of old terms: end the others, copy those that have ended."""
    _restore_settings(terms)
    _restore_offers(terms)
    _restore_fits(terms)
    in_force = {plan_entry(row): row for row in Plan.objects.filter(state=TermsState.PUBLISHED)}
    wanted = set(terms.plans)
    _end(Plan, [row.pk for entry, row in in_force.items() if entry not in wanted], effective, seq)
    start = {"state": TermsState.PUBLISHED, "valid_from": effective, "published_in": seq}
    for entry in sorted(wanted - in_force.keys(), key=lambda plan: plan.name):
        Plan.objects.create(**plan_columns(entry), **start)
    coupons = {coupon_entry(row): row for row in Coupon.objects.filter(state=TermsState.PUBLISHED)}
    wanted_coupons = {coupon for group in terms.coupons.values() for coupon in group}
    _end(Coupon, [row.pk for entry, row in coupons.items() if entry not in wanted_coupons], effective, seq)
    for coupon in sorted(wanted_coupons - coupons.keys(), key=lambda coupon: (coupon.code, coupon.from_us or 0)):
        Coupon.objects.create(**coupon_columns(coupon), **start)


def _end(model: type[Plan] | type[Coupon], keys: Sequence[object], effective: datetime, seq: int) -> None:
    for at in range(0, len(keys), 500):
        rows = model.objects.filter(pk__in=keys[at : at + 500])
        rows.update(state=TermsState.ENDED, valid_to=effective, ended_in=seq)
    model.objects.filter(state=TermsState.PUBLISHED, ending=True).update(ending=False)


def _restore_settings(terms: Terms) -> None:
    row = program_settings()
    paying = {plan.model for plan in terms.plans}
    row.currency, row.timezone, row.link_user_id = terms.currency, terms.timezone, terms.link_user_id
    if {*row.report_models, *paying, "last_click"} != {*terms.models}:
        row.report_models = list(terms.models)
    row.save()


def _restore_offers(terms: Terms) -> None:
    """Bring windows and goals back.

    An offer that the terms lack is a draft again; one that was a draft is paused, so that a person starts it.
    """
    for offer in Offer.objects.all():
        entry = terms.offers.get(offer.number)
        if entry is None:
            if offer.published:
                offer.status = OfferStatus.DRAFT
                offer.save(update_fields=["status"])
            continue
        if offer.status == OfferStatus.DRAFT:
            offer.status = OfferStatus.PAUSED
        names = {goal["key"]: goal["name"] for goal in offer.goals}
        offer.click_window_us, offer.impression_window_us = entry.click_window_us, entry.impression_window_us
        offer.goals = [{"key": goal.key, "name": names.get(goal.key, goal.key)} for goal in entry.goals]
        offer.reopen = entry.reopen
        offer.save()


def _restore_fits(terms: Terms) -> None:
    StoredFit.objects.exclude(id__in=terms.fits).delete()
    stored = set(StoredFit.objects.values_list("id", flat=True))
    for fit_id, fit in terms.fits.items():
        if fit_id not in stored:
            StoredFit.objects.create(id=fit_id, content=msgspec.json.encode(fit))


def plan_columns(plan: PlanEntry) -> dict[str, object]:
    """Return the columns of a plan."""
    return {
        "key": plan.name, "offer_id": plan.offer_id, "partner_id": plan.partner_id, "goal": plan.goal or "",
        "percent_e6": plan.percent_e6, "fixed_minor": plan.fixed_minor, "fixed_currency": plan.fixed_currency,
        "hold_us": plan.hold_us, "model": plan.model, "click_window_us": plan.click_window_us,
        "impression_window_us": plan.impression_window_us, "conversions_min": plan.conversions_min,
    }  # fmt: skip


def coupon_columns(coupon: CouponEntry) -> dict[str, object]:
    """Return the columns of a coupon."""
    return {
        "code": coupon.code, "key": coupon_key(coupon.code), "partner_id": coupon.partner_id,
        "offer_id": coupon.offer_id, "starts": time_of(coupon.from_us), "ends": time_of(coupon.to_us),
    }  # fmt: skip
