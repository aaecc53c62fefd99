"""Form of the settings of the whole program."""

from typing import Any

from django import forms

from control.console.forms.base import ListField, Section
from control.program.models import ProgramSettings, Trust

SECTIONS = (
    Section(
        "Program", ("name", "currency", "timezone"),
        "These count once somebody publishes them. Currency and time zone are fixed with the first version.",
    ),
    Section("Links", ("fallback_url", "trusted_proxies"), "These count within seconds."),
    Section("Attribution", ("report_models", "link_user_id"), "These count once somebody publishes them.", folded=True),
)  # fmt: skip
_LISTS = ("trusted_proxies", "report_models")


class ProgramSettingsForm(forms.Form):
    """Settings of the program."""

    name = forms.CharField(label="Name", required=False, help_text="Reports and partners see it.")
    currency = forms.CharField(label="Currency", max_length=3, help_text="For example USD. Reports and ledger use it.")
    timezone = forms.CharField(label="Time zone", max_length=64, help_text="Of days, for example Europe/Berlin.")
    fallback_url = forms.CharField(
        label="Fallback page", required=False, max_length=2_048,
        widget=forms.URLInput(attrs={"placeholder": "https://shop.example/"}),
        help_text="Links that do not work lead here.",
    )  # fmt: skip
    trusted_proxies = ListField(
        label="Trusted proxies", required=False,
        help_text="Networks whose forwarded addresses count on the edges, separated by commas.",
    )  # fmt: skip
    report_models = ListField(
        label="Models for reports", required=False, help_text="For example linear, position_based. Separated by commas."
    )
    link_user_id = forms.ChoiceField(
        label="User ids on public links", widget=forms.RadioSelect, choices=Trust.choices,
        help_text="Untrusted ids are stored, and join no touches.",
    )  # fmt: skip

    def __init__(self, row: ProgramSettings, data: Any, *, is_published: bool) -> None:
        super().__init__(data, initial={name: getattr(row, name) for name in self.base_fields})
        for name in ("currency", "timezone"):
            self.fields[name].disabled = is_published
        for name in self.base_fields:
            if name not in ("link_user_id", "currency", "timezone") or not is_published:
                column: Any = ProgramSettings._meta.get_field(name)
                self.fields[name].validators += column.validators
