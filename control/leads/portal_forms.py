"""Forms of leads for partners."""

from django import forms
from django.utils.translation import gettext_lazy as _

from control.leads.models import REASON_CHARS_MAX


class ReasonForm(forms.Form):
    """Reason of a partner, or what it does with the lead."""

    reason = forms.CharField(label=_("Reason or note"), max_length=REASON_CHARS_MAX, required=False)


class OrderForm(forms.Form):
    """Order that a lead has become."""

    order_number = forms.CharField(label=_("Order number"), max_length=200, required=False)
