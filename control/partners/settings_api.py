"""API: what partners see."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.etags import check_if_match, set_etag
from control.api.merge_patch import MergePatch
from control.partners.access import require_operator
from control.partners.models import PartnerSettings
from control.partners.settings import change_partner_settings, partner_settings

partner_settings_router = Router(tags=["partner-settings"])


class PartnerSettingsOut(Schema):
    """Money of the program that people and keys of partners see, in their own rows."""

    model_config = ConfigDict(extra="forbid")

    show_revenue: bool = Field(description="Amounts of conversions and hits, and revenue in reports.")
    show_profit: bool = Field(description="Revenue less payout in reports; needs `show_revenue`.")


class PartnerSettingsPatch(MergePatch, PartnerSettingsOut):
    """Change of what partners see."""


def _out(row: PartnerSettings) -> PartnerSettingsOut:
    return PartnerSettingsOut(show_revenue=row.show_revenue, show_profit=row.show_profit)


@partner_settings_router.get("", response=answers(PartnerSettingsOut))
def get_partner_settings(request: HttpRequest, response: HttpResponse) -> PartnerSettingsOut:
    """Get what partners see. For operators only."""
    require_operator(actor_of(request), Area.SETTINGS, Action.READ)
    shown = _out(partner_settings())
    set_etag(response, shown)
    return shown


@partner_settings_router.patch("", response=answers(PartnerSettingsOut, errors=(412,)))
def patch_partner_settings(
    request: HttpRequest, response: HttpResponse, body: PartnerSettingsPatch
) -> PartnerSettingsOut:
    """Change what partners see. It counts for their next request."""
    actor = actor_of(request)
    require_operator(actor, Area.SETTINGS, Action.WRITE)
    with transaction.atomic():
        before = _out(partner_settings())
        check_if_match(request, before)
        shown = _out(change_partner_settings(actor, body.values(before)))
    set_etag(response, shown)
    return shown
