"""Django forms of the builder: one field of a form, and lines that people write for options, points and languages."""

from collections.abc import Mapping
from typing import Any, get_args

from django import forms

from control.applications.profile import FILL_TEXTS
from control.console.forms.base import MapField
from control.custom_forms.conditions import Operator
from control.custom_forms.definition import FIELD_TYPES, Definition, FieldDefinition

_OPERATORS = get_args(Operator)


def _lines(value: Any) -> list[str]:
    return [line.strip() for line in str(value or "").splitlines() if line.strip()]


class FieldForm(forms.Form):
    """One field of an application form."""

    key = forms.CharField(
        label="Key", max_length=40, help_text="Name in the API and in rules: small letters, digits and _."
    )
    type = forms.ChoiceField(label="Type", choices=list(FIELD_TYPES.items()))
    label = forms.CharField(label="Question", max_length=200)
    labels = MapField(
        label="Question in other languages", required=False, help_text="A line for each language, such as de: Website."
    )
    help = forms.CharField(
        label="Help", max_length=500, required=False, help_text="One sentence that stands next to the field."
    )
    helps = MapField(label="Help in other languages", required=False)
    required = forms.BooleanField(label="Required", required=False)
    options = forms.CharField(
        label="Options", required=False, widget=forms.Textarea({"rows": 4}),
        help_text="For choices: a line for each, value: label. More languages follow with |, as in mail: Mail|de=Post.",
    )  # fmt: skip
    fills = forms.ChoiceField(
        label="Fills", required=False, choices=[("", "Nothing"), *FILL_TEXTS.items()],
        help_text="The answer becomes this field of the partner, and counts in the score.",
    )  # fmt: skip
    min = forms.IntegerField(label="Smallest number", required=False)
    max = forms.IntegerField(
        label="Limit", required=False, min_value=1,
        help_text="Characters of a text, choices of several, largest number, or MiB of a file.",
    )  # fmt: skip
    pattern = forms.CharField(
        label="Pattern", max_length=200, required=False, help_text="Regular expression that the whole text matches."
    )
    shown_if = forms.ChoiceField(label="Shown if", required=False, help_text="A field before this one.")
    shown_values = forms.CharField(
        label="has one of", required=False, help_text="Values with commas, such as yes, maybe. For a ticked box: True."
    )
    score = forms.CharField(
        label="Points", required=False, widget=forms.Textarea({"rows": 3}),
        help_text="A line for each rule, such as 10: filled, -20: is brand_search, 5: at_least 1000.",
    )  # fmt: skip

    def __init__(self, *arguments: Any, before: list[FieldDefinition], **options: Any) -> None:
        super().__init__(*arguments, **options)
        choices = [("", "Always"), *((field.key, field.label_in("en")) for field in before)]
        self.fields["shown_if"].choices = choices  # type: ignore[attr-defined]

    def clean_options(self) -> list[dict[str, Any]]:
        """Read the options."""
        found = []
        for line in _lines(self.cleaned_data["options"]):
            value, _, rest = line.partition(":")
            english, *others = (rest.strip() or value.strip()).split("|")
            labels = {"en": english.strip()}
            for other in others:
                language, _, text = other.partition("=")
                labels[language.strip()] = text.strip()
            found.append({"value": value.strip(), "label": labels})
        return found

    def clean_score(self) -> list[dict[str, Any]]:
        """Read the rules of points. Raises ValidationError."""
        found = []
        for line in _lines(self.cleaned_data["score"]):
            points, colon, rest = line.partition(":")
            op, _, values = rest.strip().partition(" ")
            try:
                number = int(points)
            except ValueError:
                number = None
            if number is None or not colon or op not in _OPERATORS:
                raise forms.ValidationError(f"write {line[:40]!r} as POINTS: {'|'.join(_OPERATORS)} VALUES")
            found.append({"points": number, "op": op, "values": split_values(values)})
        return found

    def definition(self) -> dict[str, Any]:
        """Return the field as a definition has it."""
        own = self.cleaned_data
        label = {**own["labels"], "en": own["label"]}
        helps = {**own["helps"], **({"en": own["help"]} if own["help"] else {})}
        values: dict[str, Any] = {
            "key": own["key"], "type": own["type"], "label": label, "help": helps, "required": own["required"],
            "options": own["options"], "fills": own["fills"], "min": own["min"], "max": own["max"],
            "pattern": own["pattern"], "score": own["score"],
        }  # fmt: skip
        if own["shown_if"]:
            values["visible_if"] = {"field": own["shown_if"], "values": split_values(own["shown_values"])}
        return {name: value for name, value in values.items() if value not in ("", None, [], {}, False)}


def split_values(text: str) -> list[str]:
    """Read values with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def initial_of(field: FieldDefinition) -> dict[str, Any]:
    """Return the values of the form for a field that is there."""
    condition = field.visible_if
    return {
        "key": field.key, "type": field.type, "label": field.label.get("en", field.label_in("en")),
        "labels": {name: text for name, text in field.label.items() if name != "en"},
        "help": field.help.get("en", ""), "helps": {name: text for name, text in field.help.items() if name != "en"},
        "required": field.required, "options": "\n".join(_option_line(option.value, option.label) for option in
                                                         field.options),
        "fills": field.fills, "min": field.min, "max": field.max, "pattern": field.pattern,
        "shown_if": condition.field if condition else "",
        "shown_values": ", ".join(map(str, condition.values)) if condition else "",
        "score": "\n".join(f"{rule.points}: {rule.op} {', '.join(map(str, rule.values))}".strip() for rule in
                           field.score),
    }  # fmt: skip


def _option_line(value: str, labels: Mapping[str, str]) -> str:
    others = "".join(f"|{language}={text}" for language, text in labels.items() if language != "en")
    return f"{value}: {labels.get('en', value)}{others}"


def placed(definition: Definition, own: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a definition with a field in place of the one with a key, or at the end."""
    fields: list[dict[str, Any]] = [
        own if field.key == key else field.model_dump(mode="json", exclude_defaults=True)
        for field in definition.fields
    ]  # fmt: skip
    return {"fields": fields if definition.field(key) is not None else [*fields, own]}


def moved(definition: Definition, key: str, step: int) -> dict[str, Any]:
    """Return a definition with a field one place up or down, or without it if there is no step."""
    fields = [field.model_dump(mode="json", exclude_defaults=True) for field in definition.fields]
    at = next((number for number, field in enumerate(fields) if field["key"] == key), None)
    if at is None:
        return {"fields": fields}
    own = fields.pop(at)
    if step:
        fields.insert(max(0, at + step), own)
    return {"fields": fields}
