"""Forms of imports: the file, its columns, the reason of its application."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from control.imports.columns import possible_matches
from control.imports.models import Import
from control.imports.resource import OWN_NAME_CHARS_MAX, Resource
from control.imports.resources import RESOURCES
from runtime.text_encoding import ENCODINGS

_ENCODINGS = [("", "Recognise it"), *((name, name) for name in ENCODINGS)]
_DELIMITERS = [("", "Recognise it"), (",", "Comma"), (";", "Semicolon"), ("tab", "Tab"), ("|", "Vertical bar")]


class FileForm(forms.Form):
    """A file to import."""

    type = forms.ChoiceField(label="What is in the file")
    file = forms.FileField(
        label="File",
        help_text="CSV or XLSX, at most 32 MiB and 200,000 rows. The first row has the headings.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
    )
    encoding = forms.ChoiceField(label="Encoding", choices=_ENCODINGS, required=False, help_text="Of a CSV file.")
    delimiter = forms.ChoiceField(label="Delimiter", choices=_DELIMITERS, required=False, help_text="Of a CSV file.")

    def __init__(self, types: Sequence[str], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        choice: Any = self.fields["type"]
        choice.choices = [(key, RESOURCES[key].nouns.capitalize()) for key in types]


class ReasonForm(forms.Form):
    """Reason of the changes of an import."""

    reason = forms.CharField(
        label="Reason", max_length=4_000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The history of every changed object shows it.",
    )  # fmt: skip

    def __init__(self, *arguments: Any, needed: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["reason"].required = needed


def column_choices(found: Import, resource: Resource[Any], mistakes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the columns of a file, each with example values, the fields to choose from, and the chosen one."""
    chosen = {heading: key for key, heading in found.mapping.items()}
    columns = []
    for at, heading in enumerate(found.headings):
        key = chosen.get(str(heading), "")
        columns.append({
            "name": f"column-{at}", "heading": heading, "examples": [row[at] for row in found.sample if row[at]][:3],
            "options": _options(resource, str(heading), key), "value": key, "mistake": mistakes.get(key, ""),
        })  # fmt: skip
    return columns


def _options(resource: Resource[Any], heading: str, key: str) -> list[tuple[str, str]]:
    options = [("", "Leave out"), *((own.key, own.label) for own in resource.fields)]
    own_name = heading.rpartition(":")[2].strip()[:OWN_NAME_CHARS_MAX]
    for prefix, label in resource.own_names.items():
        options.append((f"{prefix}:{own_name}", f"{label} “{own_name}”"))
    if key and key not in {value for value, _ in options}:
        options.append((key, resource.label(key)))
    return options


def chosen_mapping(found: Import, values: QueryDict) -> tuple[dict[str, str], list[str]]:
    """Return heading by field as a person has chosen them, and the fields that were chosen twice."""
    mapping: dict[str, str] = {}
    twice = []
    for at, heading in enumerate(found.headings):
        key = values.get(f"column-{at}", "")
        if key in mapping:
            twice.append(key)
        elif key:
            mapping[key] = str(heading)
    return mapping, twice


def match_choices(found: Import, resource: Resource[Any]) -> list[tuple[str, str]]:
    """Return the fields by which rows may find objects."""
    keys = [own.key for own in resource.fields if resource.is_match(own.key)]
    keys += [key for key in possible_matches(resource, found.mapping) if key not in keys]
    return [(key, resource.label(key)) for key in keys]
