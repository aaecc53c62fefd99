"""Partners read, accept and decline contracts in the portal; an approved partner is active with its contract."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from control.accounts.models import User
from control.accounts.roles import PartnerRole
from control.contracts.models import Acceptance, Contract
from control.contracts.services import send_contract
from control.partners.services import create_partner
from tests.control.console.installation import signed_in
from tests.control.contracts.sample import person, published
from tests.control.program.sample import ANN

SIGNED = {"do": "accept", "typed_name": "Ana Berger", "authority": "on"}


@pytest.fixture
def contract(database: object) -> Contract:
    published()
    return send_contract(ANN, create_partner(ANN, {"name": "Lagoon"}, "approved").number, "creators")


def browser(contract: Contract, role: PartnerRole = PartnerRole.OWNER) -> Client:
    actor = person(contract.partner, role)
    return signed_in(Client(HTTP_HOST="localhost", HTTP_USER_AGENT="Browser/1"), User.objects.get(pk=actor.id))


def test_the_owner_reads_accepts_and_keeps_the_pdf(contract: Contract) -> None:
    ana, address = browser(contract), reverse("portal_contract", args=[contract.pk])
    assert address in ana.get("/portal/").content.decode()
    page = ana.get(address).content.decode()
    assert "<strong>our</strong>" in page and "8 %" in page
    shown = re.search(r'name="sha256" value="(\w+)"', page)
    assert shown is not None
    refused = ana.post(address, {**SIGNED, "sha256": "0" * 64}).content.decode()
    assert "open the contract again" in refused and not Acceptance.objects.exists()
    assert "required" in ana.post(address, {"do": "accept", "sha256": shown[1]}).content.decode()
    assert ana.post(address, {**SIGNED, "sha256": shown[1]}).status_code == 302
    contract.refresh_from_db()
    evidence = contract.acceptance
    assert (contract.state, contract.partner.status) == ("active", "active")
    assert (evidence.typed_name, evidence.user_agent, evidence.locale) == ("Ana Berger", "Browser/1", "en")
    assert evidence.opened is not None and evidence.sha256 == contract.sha256
    assert ana.get(reverse("portal_contract_pdf", args=[contract.pk])).content.startswith(b"%PDF")
    assert "Ana Berger" in ana.get(address).content.decode()
    assert "In force" in ana.get(reverse("portal_contracts")).content.decode()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_owner_declines_with_a_reason(contract: Contract) -> None:
    ana, address = browser(contract), reverse("portal_contract", args=[contract.pk])
    assert ana.post(address, {"do": "decline"}).status_code == 200
    assert ana.post(address, {"do": "decline", "reason": "Too low"}).status_code == 302
    contract.refresh_from_db()
    assert (contract.state, contract.reason, contract.partner.status) == ("declined", "Too low", "approved")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_others_read_and_are_told_who_signs(contract: Contract) -> None:
    member, address = browser(contract, PartnerRole.MEMBER), reverse("portal_contract", args=[contract.pk])
    page = member.get(address).content.decode()
    assert "ask the owner of your company" in page and "Accept the contract" not in page
    assert member.post(address, {**SIGNED, "sha256": contract.sha256}).status_code in (200, 403)
    assert member.get(reverse("portal_contract_pdf", args=[contract.pk])).status_code == 404
    assert not Acceptance.objects.exists()
