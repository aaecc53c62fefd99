"""Forms of the accounts."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from control.accounts.languages import time_zones
from control.accounts.passwords import PASSWORD_CHARS_MAX


class AcceptForm(forms.Form):
    """Name and password of a person who accepts an invitation."""

    name = forms.CharField(label=_("Your name"), max_length=120)
    password = forms.CharField(
        label=_("Password"),
        max_length=PASSWORD_CHARS_MAX,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ProfileForm(forms.Form):
    """Name, language and time zone of a person."""

    name = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("Colleagues see it in lists and in the audit trail."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    locale = forms.ChoiceField(
        label=_("Language"), required=False,
        help_text=_("Language of the portal and of mails. The console is English."),
        choices=lambda: [("", _("As the browser asks for")), *settings.LANGUAGES],
    )  # fmt: skip
    time_zone = forms.ChoiceField(
        label=_("Time zone"), required=False,
        choices=lambda: [("", "UTC"), *((name, name) for name in time_zones() if name != "UTC")],
    )  # fmt: skip
