"""Forms of what operators do with an application."""

from typing import Any

from django import forms

from control.applications import deciding
from control.reasons.models import ReasonArea
from control.reasons.services import reasons


def reason_choices() -> list[tuple[str, str]]:
    """Return the reasons to choose from."""
    return [(reason.code, reason.text_in("en")) for reason in reasons(ReasonArea.APPLICATION)]


class RejectForm(forms.Form):
    """Reason of a rejection."""

    reason = forms.ChoiceField(label="Reason")
    reason_text = forms.CharField(
        label="Text for the applicant", required=False, widget=forms.Textarea({"rows": 3}),
        help_text="Stands below the reason in the mail. The last reason needs it.",
    )  # fmt: skip
    note = forms.CharField(
        label="Internal note", required=False, widget=forms.Textarea({"rows": 2}), help_text="Only operators see it."
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["reason"].choices = reason_choices()  # type: ignore[attr-defined]


class ApproveForm(forms.Form):
    """Further wishes of an approval."""

    partner = forms.ChoiceField(
        label="Partner", required=False,
        help_text="The invitation is for this partner. Choose one that is there if it is the same company.",
    )  # fmt: skip
    contract_template = forms.CharField(
        label="Contract template", max_length=60, required=False, help_text="Code of the contract that is sent."
    )
    note = forms.CharField(label="Internal note", required=False, widget=forms.Textarea({"rows": 2}))


class AskForm(forms.Form):
    """Question to an applicant."""

    question = forms.CharField(
        label="Question", max_length=deciding.QUESTION_CHARS_MAX, widget=forms.Textarea({"rows": 5}),
        help_text="The applicant gets it by mail and answers on a page. The clock stands still until then.",
    )  # fmt: skip


class NoteForm(forms.Form):
    """Internal note."""

    text = forms.CharField(label="Note", max_length=deciding.NOTE_CHARS_MAX, widget=forms.Textarea({"rows": 4}))


class AssignForm(forms.Form):
    """Operator who takes an application."""

    assigned = forms.ChoiceField(label="Assigned to", required=False)
