"""App of the contracts."""

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
        from control.ui.navigation import Entry, add_entry

        entry = Entry(
            "Contracts", "console_contracts", "list-check", "Partners", 48,
            visible=lambda request: may(request, Area.CONTRACTS),
        )  # fmt: skip
        add_entry("console", entry)
