"""Page of a new note about a partner."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.roles import Action, Area
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.partners.models import Partner
from control.partners.selectors import partner as find_partner
from control.timeline.models import MENTIONS_MAX, TEXT_CHARS_MAX, Audience
from control.timeline.services import add_note, possible_mentions


class NoteForm(forms.Form):
    """A new note."""

    text = forms.CharField(max_length=TEXT_CHARS_MAX, widget=forms.Textarea(attrs={"rows": 6}))
    audience = forms.ChoiceField(
        choices=Audience.choices,
        initial=Audience.INTERNAL,
        label="Who reads it",
        help_text="Partners read shared notes by the API. The portal does not show them yet.",
    )
    mentions: "forms.ModelMultipleChoiceField[User]" = forms.ModelMultipleChoiceField(
        queryset=None, required=False, label="Mention", help_text=f"At most {MENTIONS_MAX} colleagues."
    )

    def __init__(self, partner: Partner, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.fields["mentions"].queryset = possible_mentions(partner)  # type: ignore[attr-defined]


@page(Area.PARTNERS, Action.WRITE)
def new(request: HttpRequest, actor: Actor, number: int) -> HttpResponse:
    """Add a note about a partner."""
    partner = find_partner(actor, number)
    form, address = NoteForm(partner, posted(request)), reverse("console_partner", args=[number])

    def save() -> tuple[str, str]:
        values = form.cleaned_data
        add_note(actor, number, values["text"], values["audience"], [user.pk for user in values["mentions"]])
        return "The note is stored.", address

    crumbs = [("Partners", reverse("console_partners")), (partner.name, address)]
    return form_page(request, form, save, title="New note", submit="Add note", crumbs=crumbs)
