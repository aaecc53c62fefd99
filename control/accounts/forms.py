"""Forms of the accounts."""

from django import forms

from control.accounts.passwords import PASSWORD_CHARS_MAX


class AcceptForm(forms.Form):
    """Name and password of a person who accepts an invitation."""

    name = forms.CharField(label="Your name", max_length=120)
    password = forms.CharField(
        label="Password",
        max_length=PASSWORD_CHARS_MAX,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ProfileForm(forms.Form):
    """Name of a person."""

    name = forms.CharField(
        label="Name", max_length=120, help_text="Colleagues see it in lists and in the audit trail.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
