"""Forms of the accounts."""

from django import forms


class AcceptForm(forms.Form):
    """Name and password of a person who accepts an invitation."""

    name = forms.CharField(label="Your name", max_length=120)
    password = forms.CharField(
        label="Password",
        max_length=1_024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
