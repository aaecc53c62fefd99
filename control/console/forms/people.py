"""Forms of people and API keys."""

from typing import Any

from django import forms

from control.accounts.actor import Actor
from control.accounts.roles import KeyScope, PartnerRole, Role
from control.console.forms.lookups import PartnerField

SCOPE_TEXTS = {
    KeyScope.READ: "Read: sees everything that is not secret",
    KeyScope.WRITE: "Read and write: also changes partners, links and drafts",
    KeyScope.ADMIN: "Everything: also publishes, and changes people and settings",
}


def roles_to_give(actor: Actor) -> list[tuple[str, str]]:
    """Return the roles that the actor may give: only owners make owners."""
    return [(role.value, role.label) for role in Role if role is not Role.OWNER or actor.role is Role.OWNER]


class PersonForm(forms.Form):
    """Name and role of an operator."""

    name = forms.CharField(label="Name", max_length=120, required=False)
    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect)

    def __init__(self, actor: Actor, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        roles: Any = self.fields["role"]
        roles.choices = roles_to_give(actor)


class InviteForm(forms.Form):
    """E-mail address and role of an operator to invite."""

    email = forms.EmailField(label="E-mail", help_text="The link is sent there. The person signs in with this address.")
    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect)

    def __init__(self, actor: Actor, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        roles: Any = self.fields["role"]
        roles.choices = roles_to_give(actor)


class InvitePartnerForm(forms.Form):
    """E-mail address and role of a partner's person to invite."""

    email = forms.EmailField(label="E-mail", help_text="The link is sent there. The person signs in with this address.")
    role = forms.ChoiceField(
        label="Role", widget=forms.RadioSelect, choices=PartnerRole.choices, initial=PartnerRole.MEMBER
    )


class KeyForm(forms.Form):
    """Name, scope and partner of a new API key."""

    name = forms.CharField(label="Name", max_length=80, help_text="The system that will use the key, for example shop.")
    scope = forms.ChoiceField(
        label="Scope", choices=[(scope.value, text) for scope, text in SCOPE_TEXTS.items()], widget=forms.RadioSelect,
        initial=KeyScope.READ,
    )  # fmt: skip
    partner = PartnerField(required=False, help_text="With a partner, the key sees only the data of this partner.")
    expires = forms.DateField(
        label="Last day (UTC)", required=False,
        help_text="The key is refused after this day. Without a day, it does not expire.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )  # fmt: skip

    def __init__(self, actor: Actor, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        partner: Any = self.fields["partner"]
        partner.use(actor)
