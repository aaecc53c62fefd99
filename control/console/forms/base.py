"""Parts of all forms: fields for lists and maps, refusals of services next to their fields, live checks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from control.errors import Invalid, Refused

NO_AUTOFILL = {"autocomplete": "off"}


class ListField(forms.CharField):
    """List of texts, written with commas or in lines."""

    def __init__(self, *, each: Callable[[str], str] = str, **options: Any) -> None:
        super().__init__(**options)
        self._each = each

    def prepare_value(self, value: Any) -> Any:
        """Write a list for the box."""
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Read the texts, each once. Raises ValidationError."""
        parts = str(value or "").replace("\n", ",").split(",")
        try:
            return list(dict.fromkeys(self._each(text) for part in parts if (text := part.strip())))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class MapField(forms.CharField):
    """Map of names to texts: a line for each, `name: text`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 3}), **options)

    def prepare_value(self, value: Any) -> Any:
        """Write a map for the box."""
        return "\n".join(f"{key}: {text}" for key, text in value.items()) if isinstance(value, Mapping) else value

    def to_python(self, value: Any) -> Any:
        """Read the lines. Raises ValidationError."""
        found: dict[str, str] = {}
        for line in str(value or "").splitlines():
            name, colon, text = line.partition(":")
            if not line.strip():
                continue
            if not colon or not name.strip():
                raise forms.ValidationError("write each line as name: text")
            found[name.strip()] = text.strip()
        return found


@dataclass(frozen=True, slots=True)
class Section:
    """Fields of a form under one heading."""

    title: str
    names: Sequence[str]
    text: str = ""
    folded: bool = False
    """True for fields that few need: they are folded until somebody opens them."""


def sections_of(form: forms.Form, sections: Sequence[Section]) -> list[dict[str, Any]]:
    """Return the sections with their fields; fields that the form lacks are left out."""
    shown = []
    for section in sections:
        fields = [form[name] for name in section.names if name in form.fields]
        if fields:
            is_open = not section.folded or any(field.errors or form.initial.get(field.name) for field in fields)
            shown.append({"section": section, "fields": fields, "is_open": is_open})
    return shown


def add_refusal(form: forms.Form, error: Refused) -> None:
    """Show a refusal of a service: next to its field where the form has it, else above the form."""
    if not isinstance(error, Invalid):
        form.add_error(None, f"{str(error)[:1].upper()}{str(error)[1:]}.")
        return
    names: Mapping[str, str] = getattr(form, "row_fields", {})
    for mistake in error.errors:
        name = names.get(mistake.field, mistake.field)
        if name in form.fields:
            form.add_error(name, mistake.message)
        else:
            form.add_error(None, str(mistake))


def is_check(request: HttpRequest) -> bool:
    """Return whether a page asks, while somebody types, what is wrong with a form."""
    return request.headers.get("HX-Request") == "true" and "check" in request.POST


def check_answer(request: HttpRequest, form: forms.Form) -> HttpResponse:
    """Answer a live check: the mistakes of each field that has content, to be put next to it."""
    fields = [field for field in form if field.name in form.data and form.data[field.name] != ""]
    return render(request, "console/check.html", {"fields": fields, "form": form})
