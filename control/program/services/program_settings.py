"""Changes of the settings of the whole program."""

from collections.abc import Mapping
from typing import Any

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import apply_values
from control.errors import FieldError, Invalid
from control.partners.access import require_operator
from control.program.load import program_settings
from control.program.models import ProgramSettings, ProgramVersion, VersionKind
from control.program.routing import Touched, publish_routes
from control.program.versions import changing_program

EDITABLE = frozenset(
    {"name", "currency", "timezone", "fallback_url", "trusted_proxies", "report_models", "link_user_id"}
)
ROUTED = frozenset({"fallback_url", "trusted_proxies"})


FIXED = frozenset({"currency", "timezone"})
"""Settings that amounts and days of stored conversions depend on."""


def is_published() -> bool:
    """Return whether terms were ever published."""
    return ProgramVersion.objects.exclude(kind=VersionKind.ROUTES).exists()


def change_program_settings(actor: Actor, values: Mapping[str, Any]) -> ProgramSettings:
    """Change settings. Fallback and proxies count at once, the others after publishing. Raises Forbidden, Invalid."""
    require_operator(actor, Area.SETTINGS, Action.WRITE)
    with changing_program(actor):
        row = program_settings()
        fixed = [name for name in sorted(FIXED & values.keys()) if values[name] != getattr(row, name)]
        if fixed and is_published():
            raise Invalid(*(FieldError(name, "is fixed since the first version was published") for name in fixed))
        changed = apply_values(row, values, EDITABLE)
        if changed:
            row.save()
        if ROUTED & {*changed}:
            publish_routes(Touched(head=True))
    return row
