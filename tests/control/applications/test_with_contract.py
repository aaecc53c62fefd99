"""Approval sends the contract that the form or the operator names, and makes no partner if it cannot be sent."""

import pytest

from control.applications.deciding import approve
from control.applications.models import Application
from control.contracts.models import Contract
from control.contracts.states import ContractState
from control.errors import Refused
from control.modules.services import switch_module
from control.partners.models import Partner
from tests.control.applications.sample import BOSS, creators, sent
from tests.control.contracts.sample import published

pytestmark = [
    pytest.mark.usefixtures("database"), pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]  # fmt: skip


def _waiting(**settings: object) -> Application:
    application = sent(creators(verify_email=False, **settings))
    assert application is not None
    return application


def test_an_approved_applicant_gets_the_contract_of_the_form() -> None:
    published()
    approved = approve(BOSS, _waiting(contract_template="creators").pk)
    contract = Contract.objects.get()
    assert approved.partner is not None and contract.partner == approved.partner
    assert (contract.state, contract.version.number) == (ContractState.SENT, 1)


def test_an_operator_names_another_template() -> None:
    published(), published("shops")
    approve(BOSS, _waiting(contract_template="creators").pk, contract_template="shops")
    assert Contract.objects.get().version.template.code == "shops"


@pytest.mark.parametrize("is_on", [True, False])
def test_without_the_contract_nobody_becomes_a_partner(is_on: bool) -> None:
    """The template has no published version, or the module is off."""
    application = _waiting()
    if not is_on:
        switch_module(BOSS, "contracts", False)
    with pytest.raises(Refused):
        approve(BOSS, application.pk, contract_template="creators")
    application.refresh_from_db()
    assert application.status == "new" and not Partner.objects.exists()
