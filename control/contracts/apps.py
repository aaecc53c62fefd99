"""App of the contracts."""

from django.utils.translation import gettext_noop as _

from control.accounts.roles import Area
from control.audit.event_resources import EventResource
from control.contracts.states import ContractState
from control.modules.config import ModuleConfig

_STATES = [state.value for state in ContractState if state is not ContractState.SENT]


class ContractsConfig(ModuleConfig):
    """Contracts with partners, from the template to the archive."""

    name = "control.contracts"
    label = "contracts"
    verbose_name = "Contracts"
    text = "Partners accept contracts made from templates; the accepted text and its evidence are kept."
    area = Area.CONTRACTS
    api_routers = {
        "/contract-templates": "control.contracts.api_templates.contract_templates",
        "/contracts": "control.contracts.api.contracts",
    }
    console_urls = "control.contracts.urls"
    portal_urls = "control.contracts.portal_urls"
    event_resources = (
        EventResource(
            "contract",
            "contracts.Contract",
            "control.contracts.api.contract_out",
            {"created": "sent"},
            status="state",
            by_state={state: state for state in _STATES},
            kinds=("sent", *_STATES),
            joined=("version__template", "acceptance"),
        ),
    )

    def ready(self) -> None:
        from control.console.access import may
        from control.contracts.portal_pages import contract_steps
        from control.portal.navigation import MORE, reads
        from control.portal.steps import add_steps
        from control.ui.navigation import Entry, add_entry

        entry = Entry(
            "Contracts", "console_contracts", "list-check", "Partners", 48,
            visible=lambda request: may(request, Area.CONTRACTS),
        )  # fmt: skip
        add_entry("console", entry)
        add_entry(
            "portal", Entry(_("Contracts"), "portal_contracts", "list-check", MORE, 65, visible=reads(Area.CONTRACTS))
        )
        add_steps(contract_steps)
