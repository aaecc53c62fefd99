"""Forms of territories."""

from typing import Any

from django import forms

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.console.forms.base import ListField, Section
from control.console.forms.when import WhenField, program_zone
from control.partners.access import visible_partners
from control.territories.matching import POINT_FIELDS, RULES, VALUE_CHARS_MAX, Point
from control.territories.models import RANK_MAX, WINNERS_MAX, Territory, check_rules

SECTIONS = (
    Section("Territory", ("name", "owners", "rank", "winners", "catch_all")),
    Section("Rules", RULES, "A customer belongs to the territory if it matches each rule that has values."),
    Section("Time", ("starts", "ends"), folded=True),
)


def _list(label: str, text: str) -> ListField:
    return ListField(label=label, required=False, help_text=text)


class TerritoryForm(forms.Form):
    """Fields of a territory."""

    name = forms.CharField(label="Name", max_length=120)
    owners = _list("Owners", "Numbers of partners, separated by commas. They get leads in turn.")
    rank = forms.IntegerField(
        label="Rank", min_value=1, max_value=RANK_MAX, initial=100,
        help_text="Of several territories that match, the one with the smallest rank owns the customer.",
    )  # fmt: skip
    winners = forms.IntegerField(
        label="Owners asked for one lead", min_value=1, max_value=WINNERS_MAX, initial=1,
        help_text="If they decline, the next territory that matches has its turn.",
    )  # fmt: skip
    catch_all = forms.BooleanField(
        label="Takes what no other territory takes", required=False, help_text="Such a territory has no rules."
    )
    countries = _list("Countries", "Codes such as DE, AT.")
    regions = _list("Regions", "As leads name them, for example Bavaria.")
    postal = _list("Postal codes", "Ranges such as 10000-19999, single codes, or prefixes such as SW1*.")
    segments = _list("Segments", "For example SMB, Enterprise.")
    products = _list("Products", "As leads name them.")
    accounts = _list("Named accounts", "Names of companies.")

    def __init__(self, actor: Actor, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._partners = visible_partners(actor, Area.PARTNERS)
        zone = program_zone()
        for name, label in (("starts", "Starts"), ("ends", "Ends")):
            self.fields[name] = WhenField(zone, label=label, help_text=f"In {zone.key}. Leave it empty for no limit.")

    def clean_owners(self) -> list[int]:
        """Read the numbers of partners. Raises ValidationError."""
        texts = self.cleaned_data["owners"]
        if wrong := [text for text in texts if not (text.isascii() and text.isdecimal() and len(text) <= 10)]:
            raise forms.ValidationError(f"{wrong[0]} is not the number of a partner")
        numbers = [int(text) for text in texts]
        known = set(self._partners.filter(number__in=numbers).values_list("number", flat=True))
        if missing := [number for number in numbers if number not in known]:
            raise forms.ValidationError(f"there is no partner {missing[0]}")
        return numbers

    def clean(self) -> dict[str, Any]:
        """Check each rule, so that its mistake stands next to it."""
        for name in RULES:
            try:
                check_rules({name: self.cleaned_data.get(name) or []})
            except forms.ValidationError as error:
                self.add_error(name, error)
        return self.cleaned_data

    def values(self) -> dict[str, Any]:
        """Return what the service takes, without the owners."""
        data = self.cleaned_data
        rules = {name: data[name] for name in RULES if data.get(name)}
        return {name: data[name] for name in ("name", "rank", "winners", "catch_all", "starts", "ends")} | {
            "rules": rules
        }


def initial_of(row: Territory) -> dict[str, Any]:
    """Return the values of a territory for the form."""
    names = ("name", "rank", "winners", "catch_all")
    zone = program_zone()
    times = {
        name: moment.astimezone(zone).replace(tzinfo=None)
        for name in ("starts", "ends") if (moment := getattr(row, name)) is not None
    }  # fmt: skip
    owners = [owner.partner_id for owner in row.owners.all()]
    return {name: getattr(row, name) for name in names} | dict(row.rules) | times | {"owners": owners}


class PointForm(forms.Form):
    """A customer whose owner is asked for."""

    country = forms.CharField(label="Country", required=False, max_length=VALUE_CHARS_MAX)
    region = forms.CharField(label="Region", required=False, max_length=VALUE_CHARS_MAX)
    postal = forms.CharField(label="Postal code", required=False, max_length=VALUE_CHARS_MAX)
    segment = forms.CharField(label="Segment", required=False, max_length=VALUE_CHARS_MAX)
    product = forms.CharField(label="Product", required=False, max_length=VALUE_CHARS_MAX)
    company = forms.CharField(label="Company", required=False, max_length=VALUE_CHARS_MAX)

    def point(self) -> Point:
        """Return the customer."""
        return Point(**{name: self.cleaned_data[name] for name in POINT_FIELDS})
