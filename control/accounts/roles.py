"""Roles, and the one matrix of what each may do. docs/reference/roles.md is generated from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType

from django.db.models import TextChoices


class Role(TextChoices):
    """Role of an operator."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Administrator"
    PARTNER_MANAGER = "partner_manager", "Partner manager"
    FINANCE = "finance", "Finance"
    SUPPORT = "support", "Support"
    ANALYST = "analyst", "Analyst"
    READ_ONLY = "read_only", "Read-only"


class PartnerRole(TextChoices):
    """Role of a person within one partner."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Administrator"
    FINANCE = "finance", "Finance"
    MEMBER = "member", "Member"
    READ_ONLY = "read_only", "Read-only"


class KeyScope(TextChoices):
    """Scope of an API key."""

    READ = "read", "Read"
    WRITE = "write", "Read and write"
    ADMIN = "admin", "Everything"


PARTNER_ROLE_OF_SCOPE = {
    KeyScope.READ: PartnerRole.READ_ONLY,
    KeyScope.WRITE: PartnerRole.MEMBER,
    KeyScope.ADMIN: PartnerRole.ADMIN,
}
"""Role as which a key of a partner acts."""


class Area(StrEnum):
    """Areas of rights."""

    SETTINGS = "settings"
    PROGRAM = "program"
    PARTNERS = "partners"
    CONTRACTS = "contracts"
    PAYMENT_DATA = "payment_data"
    STATEMENTS = "statements"
    DEALS = "deals"
    LINKS = "links"
    REPORTS = "reports"
    TICKETS = "tickets"
    CONTENT = "content"
    PEOPLE = "people"
    VIEW_AS = "view_as"
    AUDIT = "audit"
    JOBS = "jobs"


AREA_TEXTS = {
    Area.SETTINGS: "Settings, modules, single sign-on, API keys, webhooks",
    Area.PROGRAM: "Offers, plans, coupons; approving is publishing",
    Area.PARTNERS: "Partners, applications, approvals, leads",
    Area.CONTRACTS: "Contracts; approving is countersigning or accepting",
    Area.PAYMENT_DATA: "Payment and tax data",
    Area.STATEMENTS: "Statements and payouts; approving lets money go",
    Area.DEALS: "Deals, quotes, requests for marketing money",
    Area.LINKS: "Links and assets",
    Area.REPORTS: "Reports, conversions, explanations",
    Area.TICKETS: "Tickets and disputes",
    Area.CONTENT: "Content, campaigns, rules",
    Area.PEOPLE: "People, invitations",
    Area.VIEW_AS: "Seeing the pages as another person does",
    Area.AUDIT: "Audit trail",
    Area.JOBS: "Jobs",
}


class Action(Enum):
    """Actions on the objects of an area."""

    READ = "r"
    WRITE = "w"
    APPROVE = "a"


class Limit(StrEnum):
    """Limits of a grant."""

    NONE = ""
    OWN = "own"
    """Only one's own: a manager's partners."""
    IMPERSONAL = "impersonal"
    """Without names, addresses and other personal data."""
    MASKED = "masked"
    """Numbers of accounts and taxes are cut to their last digits."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights of one role in one area."""

    actions: frozenset[Action]
    limit: Limit = Limit.NONE

    def __str__(self) -> str:
        letters = "".join(action.value for action in Action if action in self.actions)
        return f"{letters} {self.limit}".strip() or "-"


NOTHING = Grant(frozenset())


def seen_by(viewer: Grant, grant: Grant) -> Grant:
    """Return what a viewer sees of another person's grant: reading only, and never more than the viewer may read."""
    if Action.READ not in viewer.actions & grant.actions:
        return NOTHING
    if Limit.NONE not in (viewer.limit, grant.limit) and viewer.limit is not grant.limit:
        return NOTHING  # two limits cannot be combined
    return Grant(frozenset({Action.READ}), viewer.limit if grant.limit is Limit.NONE else grant.limit)


def _grants(cells: str) -> tuple[Grant, ...]:
    """Read cells like `rw`, `r:own`, `-`."""
    found = []
    for cell in cells.split():
        letters, _, limit = cell.partition(":")
        actions = frozenset(Action(letter) for letter in letters) if letters != "-" else frozenset[Action]()
        found.append(Grant(actions, Limit(limit)))
    return tuple(found)


# Columns: owner, administrator, partner manager, finance, support, analyst, read-only
# | a partner's owner, administrator, finance, member, read-only | API keys: read, write, admin
_ROWS = {
    Area.SETTINGS: "rw rw - - - - - | - - - - - | - - rw",
    Area.PROGRAM: "rwa rwa rw r r r r | r r r r r | r rw rwa",
    Area.PARTNERS: "rwa rwa rwa:own r r r:impersonal r:impersonal | rw rw r r r | r rw rwa",
    Area.CONTRACTS: "rwa rwa rw:own r - - - | rwa rw r r r | r rw rwa",
    Area.PAYMENT_DATA: "rw r:masked - rw - - - | rw - rw - - | - - r:masked",
    Area.STATEMENTS: "rwa r r:own rw r r:impersonal - | r r r - r | r r r",
    Area.DEALS: "rwa rwa rw:own rw r r r | rw rw r rw r | r rw rwa",
    Area.LINKS: "rw rw rw:own r r r r | rw rw r rw r | r rw rw",
    Area.REPORTS: "r r r:own r r r r:impersonal | r r r r r | r r r",
    Area.TICKETS: "rw rw rw:own rw rw - - | rw rw rw rw r | r rw rw",
    Area.CONTENT: "rw rw rw:own - rw - - | r r r r r | r rw rw",
    Area.PEOPLE: "rw rw - - - - - | rw rw - - - | - - rw",
    Area.VIEW_AS: "r r - - - - - | - - - - - | - - -",
    Area.AUDIT: "r r - - - - - | r r - - - | - - r",
    Area.JOBS: "rw rw r r r - - | - - - - - | - r rw",
}


def _column(block: int, position: int) -> Mapping[Area, Grant]:
    return MappingProxyType({area: _grants(row.split("|")[block])[position] for area, row in _ROWS.items()})


OPERATORS = {role: _column(0, position) for position, role in enumerate(Role)}
PARTNERS = {role: _column(1, position) for position, role in enumerate(PartnerRole)}
"""Grants of a partner's people; all of them are about their own partner."""
KEYS = {scope: _column(2, position) for position, scope in enumerate(KeyScope)}
