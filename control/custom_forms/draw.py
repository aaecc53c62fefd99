"""A definition as a Django form, in a language. Its answers are checked by `check_answers`, as those of the API are."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from control.custom_forms.answers import FILE_ENDINGS, MIB, Upload
from control.custom_forms.countries import COUNTRIES
from control.custom_forms.definition import FILE_MIB_MAX, Definition, FieldDefinition, text_in

_AUTOCOMPLETE = {"company": "organization", "country": "country", "website": "url"}


class _FreeMultipleChoice(forms.MultipleChoiceField):
    """Several choices; `check_answers` compares them with the options."""

    def validate(self, value: Any) -> None:
        """Accept every list."""


class _FreeChoice(forms.ChoiceField):
    """One choice; `check_answers` compares it with the options."""

    def validate(self, value: Any) -> None:
        """Accept every text."""


def form_fields(definition: Definition, language: str) -> dict[str, forms.Field]:
    """Return the fields of a Django form. Nothing is required for Django: one place checks the answers."""
    return {field.key: _field(field, language) for field in definition.fields}


def _field(field: FieldDefinition, language: str) -> forms.Field:
    given: dict[str, Any] = {
        "label": field.label_in(language), "help_text": text_in(field.help, language), "required": field.required
    }  # fmt: skip
    made = _made(field, language, given)
    # The browser would insist on fields that a condition hides.
    made.widget.is_required = field.required and field.visible_if is None
    made.clean = _reading(made)  # type: ignore[method-assign]
    if field.visible_if is not None:
        condition = field.visible_if
        made.widget.attrs["data-cl-if"] = condition.field
        made.widget.attrs["data-cl-if-op"] = condition.op
        made.widget.attrs["data-cl-if-values"] = "\n".join(map(str, condition.values))
    if field.fills in _AUTOCOMPLETE:
        made.widget.attrs["autocomplete"] = _AUTOCOMPLETE[field.fills]
    return made


def _reading(field: forms.Field) -> Callable[..., Any]:
    """Return what reads a value without checking it."""
    return lambda value, _initial=None: field.to_python(value)


def _made(field: FieldDefinition, language: str, given: dict[str, Any]) -> forms.Field:
    attrs: dict[str, Any] = {"maxlength": field.length_max}
    if field.type in ("text", "url", "email"):
        kinds = {"url": {"inputmode": "url"}, "email": {"inputmode": "email", "autocomplete": "email"}}
        return forms.CharField(widget=forms.TextInput({**attrs, **kinds.get(field.type, {})}), **given)
    if field.type == "long":
        return forms.CharField(widget=forms.Textarea({**attrs, "rows": 4}), **given)
    if field.type in ("choice", "multi"):
        options = [(option.value, text_in(option.label, language) or option.value) for option in field.options]
        if field.type == "multi":
            return _FreeMultipleChoice(choices=options, widget=forms.CheckboxSelectMultiple(), **given)
        return _FreeChoice(choices=[("", _("Choose")), *options], **given)
    if field.type == "country":
        names = sorted(COUNTRIES.items(), key=lambda item: item[1])
        return _FreeChoice(choices=[("", _("Choose")), *names], **given)
    if field.type == "consent":
        return forms.BooleanField(**given)
    if field.type == "file":
        given["help_text"] = given["help_text"] or _("%(kinds)s, at most %(max)d MiB.") % {
            "kinds": ", ".join(FILE_ENDINGS), "max": field.max or FILE_MIB_MAX,
        }  # fmt: skip
        accept = ",".join(f".{ending}" for ending in FILE_ENDINGS)
        return forms.FileField(widget=forms.FileInput({"accept": accept}), **given)
    if field.type == "number":
        return forms.CharField(widget=forms.TextInput({"inputmode": "numeric"}), **given)
    return forms.CharField(widget=forms.DateInput({"type": "date"}), **given)


def answers_of(cleaned: Mapping[str, Any], definition: Definition) -> dict[str, Any]:
    """Return the answers of a form as `check_answers` takes them."""
    found = {field.key: cleaned.get(field.key) for field in definition.fields}
    return {key: _upload(value) if isinstance(value, UploadedFile) else value for key, value in found.items()}


def _upload(file: UploadedFile) -> Upload:
    """Read a file; of one that is too large, only so much that the check sees it."""
    return Upload(str(file.name or "")[-200:], file.read(FILE_MIB_MAX * MIB + 1))
