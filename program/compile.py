"""Divide the entries of a checked draft into terms, routes and labels."""

from program.checks import Draft, coupons_by_key
from program.entries import Offer, Partner
from program.labels import Labels
from program.program import Program, Secrets
from program.routes import OfferRoute, Routes
from program.terms import ORDINARY, GoalTerms, OfferTerms, PartnerTerms, Terms


def compile_draft(draft: Draft) -> Program:
    """Return the program of a draft that has no mistakes."""
    partners = [partner for _, partner in draft.partners]
    offers = [offer for _, offer in draft.offers]
    secrets = Secrets(tuple(dict.fromkeys(draft.api_keys)), draft.postback_secrets)
    return Program(_terms(draft, partners, offers), _routes(draft, partners, offers), _labels(draft), secrets)


def _terms(draft: Draft, partners: list[Partner], offers: list[Offer]) -> Terms:
    plans = tuple(plan for _, plan in draft.plans)
    of_partners = {partner.id: PartnerTerms(partner.status, partner.kind) for partner in partners}
    return Terms(
        currency=draft.currency,
        timezone=draft.timezone,
        offers={
            offer.id: OfferTerms(
                click_window_us=offer.click_window_us,
                impression_window_us=offer.impression_window_us,
                goals=tuple(GoalTerms(goal.key) for goal in offer.goals),
                reopen=offer.reopen,
            )
            for offer in offers
        },
        plans=plans,
        models=tuple(sorted({"last_click", *draft.models, *(plan.model for plan in plans)})),
        partners={number: terms for number, terms in of_partners.items() if terms != ORDINARY},
        fits={fit_id: fit.ordered() for _, fit_id, fit in draft.fits},
        link_user_id=draft.link_user_id,
        coupons=coupons_by_key(coupon for _, coupon in draft.coupons),
    )


def _routes(draft: Draft, partners: list[Partner], offers: list[Offer]) -> Routes:
    return Routes(
        fallback_url=draft.fallback_url,
        trusted_proxies=tuple(dict.fromkeys(draft.trusted_proxies)),
        partners={partner.id: partner.status for partner in partners},
        offers={
            offer.id: OfferRoute(
                landing_url=offer.landing_url,
                status=offer.status,
                allowed_hosts=offer.allowed_hosts,
                pass_through=offer.pass_through,
            )
            for offer in offers
        },
        links={link.code: link for _, link in draft.links},
    )


def _labels(draft: Draft) -> Labels:
    return Labels(
        draft.name,
        {partner.id: partner.name for _, partner in draft.partners},
        {offer.id: offer.name for _, offer in draft.offers},
        {offer.id: {goal.key: goal.name for goal in offer.goals} for _, offer in draft.offers},
    )
