"""Forms of leads for operators."""

from typing import Any

from django import forms

from control.accounts.actor import Actor
from control.accounts.models import User
from control.console.forms.base import MapField, Section
from control.console.forms.lookups import PartnerField
from control.console.forms.partners import ManagerField
from control.console.forms.program import ParsedField
from control.leads.models import DAYS_MAX, HOURS_MAX, NOTE_CHARS_MAX, OPEN_MAX, REASON_CHARS_MAX, LeadRouting
from control.partners.selectors import possible_managers
from program import fields

LEAD_SECTIONS = (
    Section("Lead", ("company", "contact", "email", "consent", "country", "postal", "product")),
    Section("More", ("phone", "region", "segment", "source", "value", "note"), folded=True),
)


class LeadForm(forms.Form):
    """Fields of a new lead."""

    company = forms.CharField(label="Company", max_length=200)
    contact = forms.CharField(label="Contact", max_length=200, required=False)
    email = forms.EmailField(label="E-mail", required=False)
    consent = forms.BooleanField(
        label="The contact agrees that a partner gets these data", required=False,
        help_text="Without it the lead is never offered.",
    )  # fmt: skip
    country = forms.CharField(label="Country", max_length=2, required=False, help_text="Two letters, for example DE.")
    postal = forms.CharField(label="Postal code", max_length=20, required=False)
    product = forms.CharField(label="Product", max_length=120, required=False)
    phone = forms.CharField(label="Phone", max_length=40, required=False)
    region = forms.CharField(label="Region", max_length=120, required=False)
    segment = forms.CharField(label="Segment", max_length=120, required=False)
    source = forms.CharField(label="Source", max_length=80, required=False)
    value = ParsedField(fields.fixed, label="Expected value", required=False, help_text="For example 12000 USD.")
    note = forms.CharField(
        label="Note", max_length=NOTE_CHARS_MAX, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def values(self) -> dict[str, Any]:
        """Return what the service takes."""
        data = dict(self.cleaned_data)
        minor, currency = data.pop("value") or (None, "")
        return data | {"value_minor": minor, "value_currency": currency, "country": data["country"].upper()}


class RoutingForm(forms.Form):
    """Settings of the routing."""

    accept_h = forms.IntegerField(
        label="Business hours to answer", min_value=1, max_value=HOURS_MAX,
        help_text="A partner who does not answer in time loses the lead to the next one.",
    )  # fmt: skip
    idle_days = forms.IntegerField(
        label="Days without activity", min_value=1, max_value=DAYS_MAX,
        help_text="Reminders go out after one and two thirds of them; then the lead is taken back.",
    )  # fmt: skip
    expire_days = forms.IntegerField(label="Days until a lead that nobody has expires", min_value=1, max_value=DAYS_MAX)
    max_open = forms.IntegerField(label="Most open leads of a partner", min_value=1, max_value=OPEN_MAX)
    pool = MapField(
        label="Pool", required=False,
        help_text="Partners who are asked after the owners of territories. A line for each, number: weight.",
    )  # fmt: skip
    manager = ManagerField(
        User.objects.none(), label="Manager of leads", required=False, empty_label="The owners of the program"
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        manager: Any = self.fields["manager"]
        manager.queryset = possible_managers()

    def clean_pool(self) -> dict[str, int]:
        """Read the weights. Raises ValidationError."""
        found = self.cleaned_data["pool"]
        for number, weight in found.items():
            if not (number.isdecimal() and weight.isdecimal() and len(number) <= 10 and len(weight) <= 3):
                raise forms.ValidationError("write each line as number: weight, for example 7: 1")
        return {number: int(weight) for number, weight in found.items()}


def initial_of(row: LeadRouting) -> dict[str, Any]:
    """Return the settings for the form."""
    names = ("accept_h", "idle_days", "expire_days", "max_open", "pool", "manager")
    return {name: getattr(row, name) for name in names}


class MoveForm(forms.Form):
    """Change of a lead by an operator: its reason, and a partner to offer it to."""

    partner = PartnerField(required=False, label="Offer it to")
    reason = forms.CharField(label="Reason", max_length=REASON_CHARS_MAX, required=False)

    def __init__(self, actor: Actor, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        partner: Any = self.fields["partner"]
        partner.use(actor)
