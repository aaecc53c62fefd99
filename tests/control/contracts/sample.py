"""A template, a partner with an owner, and the actors that sign."""

from typing import Any

from control.accounts.actor import Actor
from control.accounts.people import new_user, store_with_seat
from control.accounts.roles import PartnerRole
from control.audit.origin import ActorKind, acting
from control.contracts.models import Contract, TemplateVersion
from control.contracts.services import Signature
from control.contracts.templates import create_template, publish_version, save_draft
from control.partners.models import Partner
from control.program.models import Offer
from tests.control.program.sample import ANN, lagoon, shoes


def terms(percent: str = "8", **values: Any) -> dict[str, Any]:
    """Return the content of a version that pays a percentage for shoes."""
    text = "# Partner terms\n\n{{ company }} is **our** partner."
    offer = Offer.objects.first() or shoes()
    plan = {"offer": offer.number, "percent": percent}
    variables = [{"name": "company", "label": "Company", "type": "text", "default": "Acme"}]
    return {"texts": {"en": text}, "variables": variables, "plan_terms": [plan], **values}


def published(code: str = "creators", percents: tuple[str, ...] = ("8",), **values: Any) -> TemplateVersion:
    """Return the newest of some published versions of a template."""
    template = create_template(ANN, {"code": code, "name": "Creators"}, terms(percents[0], **values))
    version = publish_version(ANN, template.pk)
    for percent in percents[1:]:
        save_draft(ANN, template.pk, terms(percent, **values))
        version = publish_version(ANN, template.pk)
    return version


def person(partner: Partner, role: PartnerRole = PartnerRole.OWNER) -> Actor:
    """Return one of a partner's people."""
    user = new_user(f"{role}-{partner.number}@shop.example", "Ana", None)
    with acting(ANN):
        store_with_seat(user, partner.number, role)
    return Actor(ActorKind.PERSON, str(user.pk), "Ana", address="192.0.2.7", partner=partner.number, partner_role=role)


def partner_with_owner() -> tuple[Partner, Actor]:
    """Return a new partner and its owner."""
    partner = lagoon()
    return partner, person(partner)


def signature(contract: Contract, **values: Any) -> Signature:
    """Return what the owner gives to accept the contract."""
    given = {"typed_name": "Ana Berger", "authority": True, "sha256": contract.sha256, "user_agent": "Browser/1"}
    return Signature(**{**given, "session": "s1", **values})
