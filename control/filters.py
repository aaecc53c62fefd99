"""Filters of lists: one description of each, for the list of the API, the list of the console, and exports of both.

A filter is a parameter with a type, and a condition on rows. Times are named `…_from` (included) and `…_to` (not
included), amounts `…_min` and `…_max` (both included).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

from django.db.models import Expression, Model, Q, QuerySet
from ninja import Schema
from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema

from control.accounts.actor import Actor
from control.engine.zone import program_zone
from control.errors import FieldError, Invalid, plain_message
from control.json_lookups import HasValue, HoldsText
from program.fields import fixed, percent_e6
from schemas.values.time_range import instant_us

M = TypeVar("M", bound=Model)
S = TypeVar("S", bound=Schema)
Condition = Callable[[Any], Q | Expression]
NUMBER_MAX = 2**32 - 1
_TEXT_CHARS_MAX = 200
_VALUE_CHARS_MAX = 40
_ENTRIES_MAX = 20
"""Most entries of one map that a list is filtered by."""
_TEXT_MESSAGE = f"must be a text of at most {_TEXT_CHARS_MAX} characters"
_START = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = "a date in the program's zone, or RFC 3339"


def _moment(value: object) -> datetime | str:
    """Read a date or a time. Raises ValueError."""
    if not isinstance(value, str) or len(value) > _VALUE_CHARS_MAX:
        raise ValueError("must be a text such as 2026-01-31 or 2026-01-31T12:00:00Z")
    return start_of_day(value) if value else ""


def start_of_day(day: str) -> datetime:
    """Return when a day such as 2026-01-31 begins in the program's zone. Raises ValueError."""
    return _START + timedelta(microseconds=instant_us(day, program_zone()))


def _percent(value: object) -> int | str:
    """Read a percentage × 10^6. Raises ValueError."""
    return percent_e6(str(value).removesuffix("%").strip()) if value != "" else ""


def _amount(value: object) -> tuple[int, str] | str:
    """Read an amount as minor units and currency. Raises ValueError."""
    return fixed(str(value)) if value != "" else ""


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def text_parameter(description: str) -> Any:
    """Return how a document describes a value that is read from a text."""
    return WithJsonSchema({"type": "string", "maxLength": _VALUE_CHARS_MAX, "description": description})


# Empty texts stand for filters that are not given, so parameters of these types have the default `Field("")`.
From = Annotated[Any, BeforeValidator(_moment), text_parameter(f"Start: {_TIME}. It counts itself.")]
To = Annotated[Any, BeforeValidator(_moment), text_parameter(f"End: {_TIME}. It does not count itself.")]
PercentMin = Annotated[Any, BeforeValidator(_percent), text_parameter("Least percentage, such as 7.5.")]
PercentMax = Annotated[Any, BeforeValidator(_percent), text_parameter("Largest percentage, such as 7.5.")]
AmountMin = Annotated[Any, BeforeValidator(_amount), text_parameter("Least amount, such as 12.50 USD.")]
AmountMax = Annotated[Any, BeforeValidator(_amount), text_parameter("Largest amount, such as 12.50 USD.")]
Number = Annotated[int | None, BeforeValidator(_number), Field(ge=1, le=NUMBER_MAX)]


class CreatedFilters(Schema):
    """Filters of objects by the time when they were made."""

    created_from: From = Field("")
    created_to: To = Field("")


def holds(column: str, of: str = "") -> Condition:
    """Return the condition that a list holds a text, or an object with the text in the field `of`."""
    return lambda value: HoldsText(column, value, of)


@dataclass(frozen=True)
class Wanted:
    """Filters that somebody asks for, read and checked."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """By name, without those that filter nothing."""
    entries: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Entries of maps, such as {"external_ids": {"crm": "42"}}."""
    q: str = ""


@dataclass(frozen=True)
class FilterSet(Generic[M]):
    """Filters of one kind of objects."""

    fields: type[Schema]
    """Parameters with their types."""
    search: Callable[[Actor, QuerySet[M], str], QuerySet[M]]
    """Search that `q` asks for."""
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    """Conditions by parameter; without one, the column of this name equals the value."""
    maps: tuple[str, ...] = ()
    """Fields whose entries are filters too: `external_ids[crm]`."""
    hidden: Callable[[Actor], Collection[str]] = lambda _actor: ()
    """Filters by what the actor may not see: they find nothing."""

    def __post_init__(self) -> None:
        if unknown := self.conditions.keys() - self.fields.model_fields.keys():
            raise ValueError(f"conditions without a parameter: {', '.join(sorted(unknown))}")

    def asked(self, actor: Actor, rows: QuerySet[M], query: Schema, parameters: Mapping[str, str]) -> QuerySet[M]:
        """Return the rows that a request asks for: its parameters as the API has read them, and as they came."""
        values = {name: getattr(query, name) for name in self.fields.model_fields}
        entries: dict[str, dict[str, str]] = {}
        for parameter, text in parameters.items():
            if entry := self._entry(parameter):
                entries.setdefault(entry[0], {})[entry[1]] = text
        if errors := _entry_mistakes(entries):
            raise Invalid(*errors)
        return self.apply(actor, rows, Wanted(_given(values), entries, getattr(query, "q", "")))

    def read(self, given: Mapping[str, Any], prefix: str = "") -> Wanted:
        """Read filters that come as one object. Raises Invalid with every mistake; `prefix` names the object."""
        errors: list[FieldError] = []
        entries: dict[str, dict[str, str]] = {}
        plain: dict[str, Any] = {}
        for name, value in _flat(given, self.maps).items():
            if entry := self._entry(name):
                if isinstance(value, str | int | float):
                    entries.setdefault(entry[0], {})[entry[1]] = _as_text(value)
                else:
                    errors.append(FieldError(prefix + name, _TEXT_MESSAGE))
            elif name in self.fields.model_fields or name == "q":
                plain[name] = value
            else:
                errors.append(FieldError(prefix + name, f"is not a filter; {', '.join(self.names)} are"))
        q = plain.pop("q", "")
        if not isinstance(q, str) or len(q) > _TEXT_CHARS_MAX:
            errors.append(FieldError(f"{prefix}q", _TEXT_MESSAGE))
        errors += _entry_mistakes(entries, prefix)
        values: dict[str, Any] = {}
        try:
            read = read_parameters(self.fields, plain, prefix)
            values = {name: getattr(read, name) for name in plain}
        except Invalid as error:
            errors += error.errors
        if errors:
            raise Invalid(*errors)
        wanted = Wanted(_given(values), entries, q)
        check_ranges(wanted.values, prefix)
        return wanted

    def _entry(self, parameter: str) -> tuple[str, str] | None:
        """Return map and key of a parameter such as `external_ids[crm]` or `external_ids.crm`."""
        for name in self.maps:
            rest = parameter.removeprefix(name)
            if rest != parameter and (rest.startswith(".") or (rest.startswith("[") and rest.endswith("]"))):
                return name, rest[1:].removesuffix("]")
        return None

    @property
    def names(self) -> list[str]:
        """Return the names of all filters."""
        return [*sorted({*self.fields.model_fields, "q"}), *(f"{name}[…]" for name in self.maps)]

    def apply(self, actor: Actor, rows: QuerySet[M], wanted: Wanted) -> QuerySet[M]:
        """Return the rows that the filters leave. Raises Invalid."""
        check_ranges(wanted.values)
        if not {*wanted.values, *wanted.entries}.isdisjoint(self.hidden(actor)):
            return rows.none()
        for name, value in wanted.values.items():
            rows = self.narrow(rows, name, value)
        for name, entries in wanted.entries.items():
            for key, text in entries.items():
                rows = rows.filter(HasValue(name, key, text))
        return self.search(actor, rows, wanted.q) if wanted.q else rows

    def narrow(self, rows: QuerySet[M], name: str, value: Any) -> QuerySet[M]:
        """Return the rows that one filter leaves, by a value that was read."""
        condition = self.conditions.get(name)
        return rows.filter(condition(value) if condition is not None else _plain(name, value))

    def one(self, name: str, text: str) -> Any:
        """Read the value of one filter. Raises Invalid."""
        return self.read({name: text}).values.get(name)


def _plain(name: str, value: Any) -> Q:
    column, _, kind = name.rpartition("_")
    lookup = {"from": "gte", "to": "lt", "min": "gte", "max": "lte"}.get(kind)
    return Q(**{f"{column}__{lookup}": value}) if column and lookup else Q(**{name: value})


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flat(given: Mapping[str, Any], maps: Collection[str]) -> dict[str, Any]:
    """Write {"external_ids": {"crm": 42}} as {"external_ids[crm]": 42}."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in maps and isinstance(value, Mapping):
            found |= {f"{name}[{key}]": text for key, text in value.items()}
        else:
            found[name] = value
    return found


def _entry_mistakes(entries: Mapping[str, Mapping[str, str]], prefix: str = "") -> list[FieldError]:
    """Return which maps are asked for too many entries, or for too long a text: each is a condition of the query."""
    errors = []
    for name, found in entries.items():
        if len(found) > _ENTRIES_MAX:
            errors.append(FieldError(prefix + name, f"has more than {_ENTRIES_MAX} entries"))
        long = (key for key, text in found.items() if len(text) > _TEXT_CHARS_MAX)
        errors += (FieldError(f"{prefix}{name}[{key}]", _TEXT_MESSAGE) for key in long)
    return errors


def check_ranges(values: Mapping[str, Any], prefix: str = "") -> None:
    """Check that ends are behind starts. Raises Invalid."""
    errors = []
    for name, end in values.items():
        column, _, kind = name.rpartition("_")
        if kind == "to" and (start := values.get(f"{column}_from")) is not None and end <= start:
            errors.append(FieldError(prefix + name, f"must be later than {column}_from"))
        elif kind == "max" and (least := values.get(f"{column}_min")) is not None and end < least:
            errors.append(FieldError(prefix + name, f"must not be less than {column}_min"))
    if errors:
        raise Invalid(*errors)


def read_parameters(schema: type[S], given: Mapping[str, Any], prefix: str = "") -> S:
    """Read values as the parameters of a schema. Raises Invalid with every mistake."""
    try:
        return schema.model_validate(dict(given))
    except ValidationError as error:
        raise Invalid(
            *(FieldError(prefix + ".".join(map(str, one["loc"])), plain_message(one["msg"])) for one in error.errors())
        ) from None
