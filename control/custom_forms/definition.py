"""Definition of a form: its fields, and the check that they fit together. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from control.custom_forms.conditions import Comparison, Condition
from control.custom_forms.patterns import pattern_problem
from control.errors import FieldError, Invalid, Mistakes, plain_message

FieldType = Literal[
    "text", "long", "choice", "multi", "url", "email", "country", "file", "consent", "number", "date"
]  # fmt: skip
FIELD_TYPES: Mapping[str, str] = {
    "text": "Short text", "long": "Long text", "choice": "One choice", "multi": "Several choices", "url": "Web address",
    "email": "E-mail address", "country": "Country", "file": "File", "consent": "Consent", "number": "Number",
    "date": "Date",
}  # fmt: skip
REQUIRED_FIELDS_MAX = 7
"""Most required fields: people leave forms that ask for more."""
FIELDS_MAX = 40
OPTIONS_MAX = 100
SCORE_RULES_MAX = 20
POINTS_MAX = 100
LENGTH_MAX: Mapping[str, int] = {"text": 200, "long": 4_000, "url": 500, "email": 254}
"""Most characters of an answer, by type; a field may allow fewer."""
PATTERN_ANSWER_CHARS_MAX = 200
FILE_MIB_MAX = 5
LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$"
Texts = Annotated[
    dict[Annotated[str, Field(pattern=LANGUAGE)], Annotated[str, Field(max_length=1_000)]], Field(max_length=20)
]
"""A text by language."""


class Option(BaseModel):
    """One of the choices of a field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: str = Field(min_length=1, max_length=80)
    label: Texts = Field(default_factory=dict)


class ScoreRule(Comparison):
    """Points for an answer that passes a test."""

    points: int = Field(ge=-POINTS_MAX, le=POINTS_MAX)


class FieldDefinition(BaseModel):
    """One question of a form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    type: FieldType
    label: Texts = Field(min_length=1)
    help: Texts = Field(default_factory=dict)
    required: bool = False
    min: int | None = Field(None, ge=-(10**12), le=10**12)
    max: int | None = Field(
        None, ge=1, le=10**12, description="Characters of a text, choices of several, value of a number, MiB of a file."
    )
    pattern: str = Field("", max_length=200, description="Regular expression that the whole text matches.")
    options: list[Option] = Field(default_factory=list, max_length=OPTIONS_MAX)
    visible_if: Condition | None = None
    fills: str = Field("", max_length=40, description="Field of the profile that the answer goes to.")
    score: list[ScoreRule] = Field(default_factory=list, max_length=SCORE_RULES_MAX)

    @property
    def length_max(self) -> int:
        """Most characters of an answer that is a text."""
        limit = LENGTH_MAX.get(self.type, 200)
        limit = min(limit, PATTERN_ANSWER_CHARS_MAX) if self.pattern else limit
        return min(limit, self.max) if self.max is not None and self.type in LENGTH_MAX else limit

    @property
    def values(self) -> list[str]:
        """Values of the choices."""
        return [option.value for option in self.options]

    def label_in(self, language: str) -> str:
        """Return the label in a language."""
        return text_in(self.label, language)


class Definition(BaseModel):
    """All fields of a form, in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fields: list[FieldDefinition] = Field(default_factory=list, max_length=FIELDS_MAX)

    def field(self, key: str) -> FieldDefinition | None:
        """Return a field by its key."""
        return next((field for field in self.fields if field.key == key), None)

    def filling(self, name: str) -> FieldDefinition | None:
        """Return the field whose answer goes to a field of the profile."""
        return next((field for field in self.fields if field.fills == name), None)


def text_in(texts: Mapping[str, str], language: str) -> str:
    """Return the text in a language, else in the one without its region, else in English, else the first one."""
    for wanted in (language, language.partition("-")[0], "en"):
        if texts.get(wanted):
            return texts[wanted]
    return next(iter(texts.values()), "")


def read_definition(
    content: Any, fills: Mapping[str, Sequence[str]], *, reserved: Sequence[str] = (), required_by_form: int = 0
) -> Definition:
    """Read and check a definition.

    `fills` names the fields of the profile that answers may go to, with the types that fit. `reserved` are keys that
    the form has by itself, and `required_by_form` the number of required fields among them. Raises Invalid with all
    mistakes.
    """
    try:
        definition = Definition.model_validate(content)
    except ValidationError as error:
        raise Invalid(*(_mistake(own) for own in error.errors())) from None
    mistakes = Mistakes()
    for name, message in _problems(definition, fills, reserved):
        mistakes.add(name, message)
    required = sum(field.required for field in definition.fields) + required_by_form
    if required > REQUIRED_FIELDS_MAX:
        own = f", {required_by_form} of them name and e-mail address" if required_by_form else ""
        mistakes.add(
            "fields",
            f"has {required} required fields{own}; at most {REQUIRED_FIELDS_MAX} are allowed, so make "
            f"{required - REQUIRED_FIELDS_MAX} optional",
        )
    mistakes.check()
    return definition


def _mistake(error: Any) -> FieldError:
    return FieldError(".".join(map(str, error["loc"])), plain_message(error["msg"]))


def _problems(
    definition: Definition, fills: Mapping[str, Sequence[str]], reserved: Sequence[str]
) -> Iterator[tuple[str, str]]:
    seen: dict[str, FieldDefinition] = {}
    filled: set[str] = set()
    for position, field in enumerate(definition.fields):
        place = f"fields.{position}"
        if field.key in seen:
            yield f"{place}.key", f"is {field.key!r} twice; each field needs another key"
        if field.key in reserved:
            yield f"{place}.key", f"{field.key!r} is a field that every form has; choose another key"
        for name, message in _own_problems(field):
            yield f"{place}.{name}", message
        if field.fills:
            if field.fills not in fills:
                yield f"{place}.fills", f"is not a field of the profile; choose one of {', '.join(fills)}"
            elif field.type not in fills[field.fills]:
                yield f"{place}.fills", f"takes {' or '.join(fills[field.fills])} for {field.fills}, not {field.type}"
            if field.fills in filled:
                yield f"{place}.fills", f"another field fills {field.fills} already"
            filled.add(field.fills)
        if field.visible_if is not None:
            if field.visible_if.field not in seen:
                yield f"{place}.visible_if", "must name a field that stands before this one"
            elif problem := field.visible_if.problem():
                yield f"{place}.visible_if", problem
        seen[field.key] = field


def _own_problems(field: FieldDefinition) -> Iterator[tuple[str, str]]:
    if field.type in ("choice", "multi"):
        if len(set(field.values)) != len(field.values):
            yield "options", "must not have a value twice"
        if not field.options:
            yield "options", "is missing; give at least one choice"
    elif field.options:
        yield "options", f"belongs to choice and multi, not to {field.type}"
    if field.pattern:
        if field.type not in LENGTH_MAX:
            yield "pattern", f"belongs to texts, not to {field.type}"
        elif problem := pattern_problem(field.pattern):
            yield "pattern", problem
    if field.max is not None:
        limit = {**LENGTH_MAX, "multi": max(len(field.options), 1), "file": FILE_MIB_MAX}.get(field.type)
        if field.type in ("choice", "country", "consent", "date"):
            yield "max", f"does not belong to {field.type}"
        elif limit is not None and field.max > limit:
            yield "max", f"must be at most {limit}"
    if field.min is not None and (field.type != "number" or (field.max is not None and field.min > field.max)):
        yield "min", "belongs to a number, and is at most max"
    for number, rule in enumerate(field.score):
        if problem := rule.problem():
            yield f"score.{number}", problem


def field_types() -> tuple[str, ...]:
    """Return the types of fields."""
    return get_args(FieldType)


def is_key(text: str) -> bool:
    """Return whether a text may be the key of a field."""
    return re.fullmatch(r"[a-z][a-z0-9_]{0,39}", text) is not None
