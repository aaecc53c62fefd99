"""Settings of what partners see of the program's money: nothing before an owner or administrator has decided so."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import apply_values, changing
from control.errors import FieldError, Invalid
from control.partners.access import require_operator
from control.partners.models import PartnerSettings
from runtime.engine_key import PROFIT, REVENUE

EDITABLE = frozenset({"show_revenue", "show_profit"})
_KEY = 1


def partner_settings() -> PartnerSettings:
    """Return the settings; defaults if nobody has changed them."""
    return PartnerSettings.objects.filter(pk=_KEY).first() or PartnerSettings(pk=_KEY)


def money_shown() -> frozenset[str]:
    """Return what partners see besides their earnings."""
    row = partner_settings()
    return frozenset({name for name, shown in ((REVENUE, row.show_revenue), (PROFIT, row.show_profit)) if shown})


def change_partner_settings(actor: Actor, values: Mapping[str, Any]) -> PartnerSettings:
    """Change what partners see; it counts for the next request. Raises Forbidden, Invalid."""
    require_operator(actor, Area.SETTINGS, Action.WRITE)
    with changing(actor), transaction.atomic():
        row = PartnerSettings.objects.select_for_update().filter(pk=_KEY).first() or PartnerSettings(pk=_KEY)
        changed = apply_values(row, values, EDITABLE)
        if row.show_profit and not row.show_revenue:
            text = "needs revenue to be shown: a partner who knows its payout and the profit knows the revenue"
            raise Invalid(FieldError("show_profit", text))
        if changed:
            row.save()
    return row
