"""Forms of partners."""

from typing import Any

from django import forms

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.roles import Area, Limit
from control.console.forms.base import ListField, MapField, Section
from control.console.forms.lookups import PartnerField
from control.partners.models import Partner, PartnerKind, PartnerType
from control.partners.selectors import possible_managers
from control.partners.states import FIRST_STATES, REASON_REQUIRED, PartnerStatus

SECTIONS = (
    Section("Partner", ("name", "email", "status", "type", "website", "manager")),
    Section("Company and place", ("company", "country", "language"), folded=True),
    Section("Order", ("tier", "group", "tags", "traffic_sources", "parent", "kind"), folded=True),
    Section("Further data", ("external_ids", "custom"), "A line for each, name: text.", folded=True),
)


_CHECKED = (
    "name",
    "company",
    "language",
    "website",
    "group",
    "tier",
    "tags",
    "traffic_sources",
    "custom",
    "external_ids",
)
"""Fields whose checks a live check makes too."""


class ManagerField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Choice of an operator by name."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj)


class PartnerForm(forms.Form):
    """Fields of a partner."""

    name = forms.CharField(label="Name", max_length=200, help_text="Reports and the partner itself see this name.")
    email = forms.EmailField(label="E-mail", required=False)
    status = forms.ChoiceField(
        label="Status",
        choices=[(state.value, state.label) for state in PartnerStatus if state in FIRST_STATES],
        initial=PartnerStatus.ACTIVE,
        help_text="Links work while a partner is active.",
    )
    type = forms.ChoiceField(label="Type", choices=PartnerType.choices, required=False)
    website = forms.CharField(label="Website", required=False, widget=forms.URLInput(attrs={"placeholder": "https://"}))
    manager = ManagerField(User.objects.none(), label="Manager", required=False, empty_label="Nobody")
    company = forms.CharField(label="Company", max_length=200, required=False)
    country = forms.CharField(
        label="Country", max_length=2, required=False, help_text="Two letters, for example DE.",
        widget=forms.TextInput(attrs={"size": "4"}),
    )  # fmt: skip
    language = forms.CharField(label="Language", max_length=16, required=False, help_text="For example en or pt-BR.")
    tier = forms.CharField(label="Tier", max_length=80, required=False)
    group = forms.CharField(label="Group", max_length=80, required=False)
    tags = ListField(label="Tags", required=False, help_text="Separated by commas.")
    traffic_sources = ListField(label="Traffic sources", required=False, help_text="Separated by commas.")
    parent = PartnerField(label="Parent partner", required=False, help_text="The partner that this one belongs to.")
    kind = forms.ChoiceField(
        label="Kind for attribution", choices=PartnerKind.choices,
        help_text="Some attribution models pass over direct traffic.",
    )  # fmt: skip
    external_ids = MapField(label="Ids in other systems", required=False)
    custom = MapField(label="Custom fields", required=False)

    def __init__(self, actor: Actor, partner: Partner | None, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        managers: Any = self.fields["manager"]
        managers.queryset = possible_managers()
        parent: Any = self.fields["parent"]
        parent.use(actor, partner.parent if partner is not None else None)
        for name in _CHECKED:
            column: Any = Partner._meta.get_field(name)
            self.fields[name].validators += column.validators
        if actor.is_limited(Area.PARTNERS, Limit.OWN):
            del self.fields["manager"]
        if partner is not None:
            del self.fields["status"]

    def clean_country(self) -> str:
        return str(self.cleaned_data["country"]).upper()

    def values(self) -> dict[str, Any]:
        """Return what the service takes, without the status."""
        return {name: value for name, value in self.cleaned_data.items() if name != "status"}


def initial_of(partner: Partner) -> dict[str, Any]:
    """Return the values of a partner for its form."""
    return {name: getattr(partner, name) for name in PartnerForm.base_fields if name != "status"}


class ReasonForm(forms.Form):
    """Reason of a change of state."""

    reason = forms.CharField(
        label="Reason", max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}), help_text="The history shows it."
    )


class OptionalReasonForm(ReasonForm):
    """Reason that may be left out."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["reason"].required = False


def reason_form(to: PartnerStatus) -> type[ReasonForm]:
    """Return the form for a change to a state."""
    return ReasonForm if to in REASON_REQUIRED else OptionalReasonForm


class TierForm(forms.Form):
    """Tier of marked partners."""

    tier = forms.CharField(
        label="Tier", max_length=80, required=False, help_text="Leave it empty to take the tier away."
    )


class TagForm(forms.Form):
    """Tag of marked partners."""

    tag = forms.CharField(label="Tag", max_length=80)


class ManagerForm(forms.Form):
    """Manager of marked partners."""

    manager = forms.ChoiceField(label="Manager", required=False)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        people: Any = self.fields["manager"]
        people.choices = [("", "Nobody"), *((str(user.pk), str(user)) for user in possible_managers())]
