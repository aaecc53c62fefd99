"""Forms of the portal."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from control.console.forms.base import ListField
from control.console.forms.program import ParsedField
from control.partners.models import Partner
from control.portal.links import deep_link
from control.program.models import Offer
from control.program.services.links import page_mistake
from program import fields

SUBS_SHOWN = ("sub1", "sub2", "sub3")
BULK_LINKS_MAX = 200
_PAGE_CHARS_MAX = 2_048
_SUB_CHARS_MAX = 255
_CHECKED = ("country", "language", "website")
"""Fields of the profile whose rules are those of the columns."""


class OfferForm(forms.Form):
    """Choice of an offer that the partner may promote."""

    offer = forms.ModelChoiceField(Offer.objects.none(), label=_("Offer"), empty_label=None)

    def __init__(self, offers: QuerySet[Offer], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        chosen: Any = self.fields["offer"]
        chosen.queryset = offers

    def checked_page(self, page: str) -> str:
        """Return a landing page with what the offer's has, on a host that the offer allows. Raises ValidationError."""
        offer = self.cleaned_data.get("offer")
        if offer is None:
            return page
        try:
            whole = fields.landing_url(deep_link(offer, page))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if message := page_mistake(offer, whole):
            raise forms.ValidationError(message)
        return whole


class LinkForm(OfferForm):
    """A new link: an offer; if wanted also a page, a name and subs."""

    landing_url = forms.CharField(
        label=_("Page"), required=False, max_length=_PAGE_CHARS_MAX,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
        help_text=_("Paste a page of the shop to send visitors there. Empty for the offer's own page."),
    )  # fmt: skip
    code = ParsedField(
        fields.link_code, label=_("Name in the address"), required=False, max_length=128,
        help_text=_("The last part of the link, for example summer-shoes. Made up if you leave it empty."),
    )  # fmt: skip
    sub1 = forms.CharField(
        label=_("Sub 1"), required=False, max_length=_SUB_CHARS_MAX,
        help_text=_("Where you place the link, for example newsletter. Statistics can be split by it."),
    )  # fmt: skip
    sub2 = forms.CharField(label=_("Sub 2"), required=False, max_length=_SUB_CHARS_MAX)
    sub3 = forms.CharField(label=_("Sub 3"), required=False, max_length=_SUB_CHARS_MAX)

    row_fields = {f"subs.{name}": name for name in SUBS_SHOWN}

    def clean_landing_url(self) -> str:
        """Check the page against the offer."""
        page = self.cleaned_data["landing_url"]
        return self.checked_page(page) if page else ""

    def subs(self) -> dict[str, str]:
        """Return the subs that have a value."""
        return {name: self.cleaned_data[name] for name in SUBS_SHOWN if self.cleaned_data[name]}


class BulkLinkForm(OfferForm):
    """A link for each of several pages."""

    pages = forms.CharField(
        label=_("Pages"), widget=forms.Textarea(attrs={"rows": 8, "placeholder": "https://", "spellcheck": "false"}),
        max_length=BULK_LINKS_MAX * _PAGE_CHARS_MAX, help_text=_("One page of the shop in each line, at most 200."),
    )  # fmt: skip
    sub1 = forms.CharField(
        label=_("Sub 1"), required=False, max_length=_SUB_CHARS_MAX, help_text=_("The same for all these links.")
    )

    def clean_pages(self) -> list[str]:
        """Return the pages, each once. Raises ValidationError with the number of each wrong line."""
        lines = [(number, line.strip()) for number, line in enumerate(self.cleaned_data["pages"].splitlines(), 1)]
        given = dict.fromkeys(text for _number, text in lines if text)
        if len(given) > BULK_LINKS_MAX:
            raise forms.ValidationError(_("There are more than 200 pages; make the links in several parts."))
        found, mistakes = [], []
        for number, text in lines:
            if text and given.pop(text, "") is None:
                try:
                    found.append(self.checked_page(text))
                except forms.ValidationError as error:
                    mistakes += [f"{number}: {message}" for message in error.messages]
        if mistakes:
            raise forms.ValidationError(mistakes)
        return found


class RequestForm(forms.Form):
    """Request for approval of an offer."""

    reason = forms.CharField(
        label=_("Message"), widget=forms.Textarea(attrs={"rows": 4}), max_length=4_000,
        help_text=_("How will you promote it? Name your pages or channels."),
    )  # fmt: skip


class ProfileForm(forms.Form):
    """Profile of the partner."""

    name = forms.CharField(label=_("Name"), max_length=200)
    email = forms.EmailField(label=_("E-mail"), required=False)
    company = forms.CharField(label=_("Company"), max_length=200, required=False)
    website = forms.CharField(
        label=_("Website"), required=False, widget=forms.URLInput(attrs={"placeholder": "https://"})
    )
    country = forms.CharField(
        label=_("Country"), max_length=2, required=False, help_text=_("Two letters, for example DE."),
        widget=forms.TextInput(attrs={"size": "4"}),
    )  # fmt: skip
    language = forms.CharField(
        label=_("Language"), max_length=16, required=False, help_text=_("For example en or pt-BR.")
    )
    traffic_sources = ListField(
        label=_("Traffic sources"), required=False, help_text=_("Where you promote, separated by commas.")
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in _CHECKED:
            column: Any = Partner._meta.get_field(name)
            self.fields[name].validators += column.validators


class InviteForm(forms.Form):
    """Invitation of a colleague."""

    email = forms.EmailField(label=_("E-mail"))
    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, roles: list[tuple[str, str]], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        chosen: Any = self.fields["role"]
        chosen.choices = roles
