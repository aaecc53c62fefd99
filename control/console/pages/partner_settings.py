"""Page of what partners see."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.selectors import history_of
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.history import timeline
from control.partners.settings import change_partner_settings, partner_settings

_HISTORY_ROWS = 50


class PartnerSettingsForm(forms.Form):
    """Money that partners see in their own rows, besides what they earn."""

    show_revenue = forms.BooleanField(
        label="Show revenue", required=False,
        help_text="Amounts of their conversions, and revenue in their reports and exports.",
    )  # fmt: skip
    show_profit = forms.BooleanField(
        label="Show profit", required=False,
        help_text="Revenue less their payout, in reports. Needs revenue, because the two tell each other.",
    )  # fmt: skip


@page(Area.SETTINGS, Action.WRITE)
def edit(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Change what partners see. It counts for their next request."""
    row = partner_settings()
    initial = {"show_revenue": row.show_revenue, "show_profit": row.show_profit}
    form = PartnerSettingsForm(posted(request), initial=initial)

    def save() -> tuple[str, str]:
        change_partner_settings(actor, form.cleaned_data)
        return "The settings are saved. They count for the next request of a partner.", reverse("console_settings")

    return form_page(
        request, form, save, title="What partners see", submit="Save",
        text="Partners always see their own clicks, conversions and earnings, and never other partners' names.",
        crumbs=[("Settings", reverse("console_settings"))],
        items=timeline(history_of("partners.partnersettings", "1")[:_HISTORY_ROWS], actor),
    )  # fmt: skip
