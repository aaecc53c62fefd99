"""Types of the Python client, from the schemas of the OpenAPI document.

Answers are msgspec structs; arguments are typed dictionaries, so that a field that is left out is not sent.
"""

import keyword
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

SHARED = "shared"
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_FORMATS = {"date-time": "datetime", "date": "date", "binary": "IO[bytes] | bytes"}
_IMPORTS = """
from collections.abc import Sequence
from datetime import date, datetime
from typing import IO, Any, Literal, Required, TypedDict, Unpack

import msgspec

from clew.client.transport import Answer, AsyncPages, AsyncTransport, Call, Pages, Transport
from clew.client.transport import etag_of, given, key_of, path
"""


class Key(NamedTuple):
    """A type of the client: a schema, as part of answers or of arguments."""

    schema: str
    is_argument: bool


class Schemas:
    """Schemas of the document, with their names in Python."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self._answers: set[str] = set()
        self._whole: set[str] = set()

    def __getitem__(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._schemas[name]
        return found

    def imports(self) -> str:
        """Return the imports of a file; the ones that it does not use are removed afterwards."""
        return _IMPORTS

    def owners(self, roots: Mapping[str, Iterable[Key]]) -> dict[Key, str]:
        """Return each type that resources need, with the resource that alone needs it, or SHARED."""
        found: dict[Key, str] = {}
        for resource, keys in roots.items():
            for key in self._closure(keys):
                found[key] = resource if found.get(key, resource) == resource else SHARED
        for key in [key for key, owner in found.items() if owner == SHARED]:
            for inner in self._closure([key]):
                found[inner] = SHARED
        return found

    def _closure(self, keys: Iterable[Key]) -> dict[Key, None]:
        """Return types with all that they contain, the inner ones first."""
        found: dict[Key, None] = {}

        def visit(key: Key) -> None:
            if key in found:
                return
            for ref in refs(self[key.schema]):
                visit(Key(ref, key.is_argument))
            if key.is_argument and key.schema in self._answers:
                visit(Key(key.schema, False))
            found[key] = None

        for key in keys:
            visit(key)
        return found

    def note_answers(self, keys: Iterable[Key]) -> None:
        """Note the types of all answers, so that arguments may hold what an answer has brought."""
        whole = list(keys)
        self._whole = {key.schema for key in whole}
        self._answers = {key.schema for key in self._closure(whole)}

    def name_of(self, key: Key) -> str:
        """Return the name of a type in Python: `OfferOut` is `Offer`."""
        short = key.schema.removesuffix("Out")
        answer = key.schema if short in self._schemas and short != key.schema else short
        return f"{answer}In" if key.is_argument and key.schema in self._answers else answer

    def render(self, keys: Iterable[Key]) -> str:
        """Return the classes of types."""
        return "".join(self._dictionary(key) if key.is_argument else self._struct(key) for key in keys)

    def _struct(self, key: Key) -> str:
        schema, lines = self[key.schema], []
        for name, field in schema.get("properties", {}).items():
            lines += _comment(field)
            kind, own = self.type_of(field, is_argument=False), wire_name(name)
            default = "" if name in schema.get("required", []) else _default(field, kind)
            kind = f"{kind} | None" if default == " = None" and not kind.endswith("None") else kind
            if own != name:
                default = _renamed(name, default)
            lines.append(f"    {own}: {kind}{default}\n")
        text = docstring(schema.get("description") or "Object of the API.")
        base = "Answer" if key.schema in self._whole else "msgspec.Struct"
        return f"class {self.name_of(key)}({base}, kw_only=True, omit_defaults=True):\n{text}{''.join(lines)}\n\n"

    def _dictionary(self, key: Key) -> str:
        schema = self[key.schema]
        return dictionary(self.name_of(key), schema, self, schema.get("description") or "Arguments.")

    def type_of(self, schema: Mapping[str, Any], *, is_argument: bool) -> str:
        """Return the type of a value in Python."""
        if ref := schema.get("$ref"):
            key = Key(ref.rpartition("/")[2], is_argument)
            if not self[key.schema].get("properties"):
                return self.type_of({**self[key.schema], "title": ""}, is_argument=is_argument)
            name = self.name_of(key)
            return f"{name} | {self.name_of(Key(key.schema, False))}" if name.endswith("In") and is_argument else name
        if options := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            kinds = list(dict.fromkeys(self.type_of(option, is_argument=is_argument) for option in options))
            return "Any" if "Any" in kinds else " | ".join(sorted(kinds, key=lambda kind: kind == "None"))
        if values := schema.get("enum") or ([schema["const"]] if "const" in schema else None):
            return f"Literal[{', '.join(map(repr, values))}]"
        if schema.get("type") == "array":
            inner = self.type_of(schema.get("items", {}), is_argument=is_argument)
            return f"Sequence[{inner}]" if is_argument else f"list[{inner}]"
        if schema.get("type") == "object":
            more = schema.get("additionalProperties")
            inner = self.type_of(more, is_argument=is_argument) if isinstance(more, dict) and more else "Any"
            return f"dict[str, {inner}]"
        return _FORMATS.get(schema.get("format", ""), _PLAIN.get(schema.get("type", ""), "Any"))


def dictionary(name: str, schema: Mapping[str, Any], schemas: Schemas, text: str) -> str:
    """Return the class of a typed dictionary."""
    lines = []
    for field_name, field in schema.get("properties", {}).items():
        kind = schemas.type_of(field, is_argument=True)
        kind = f"Required[{kind}]" if field_name in schema.get("required", []) else kind
        lines += [*_comment(field), f"    {wire_name(field_name)}: {kind}\n"]
    return f"class {name}(TypedDict, total=False):\n{docstring(text)}{''.join(lines)}\n\n"


def refs(schema: Any) -> list[str]:
    """Return the names of the schemas that a schema mentions and that are objects."""
    found: list[str] = []
    if isinstance(schema, dict):
        if isinstance(ref := schema.get("$ref"), str):
            found.append(ref.rpartition("/")[2])
        for value in schema.values():
            found += refs(value)
    elif isinstance(schema, list):
        for value in schema:
            found += refs(value)
    return list(dict.fromkeys(found))


def wire_name(name: str) -> str:
    """Return the name of a field in Python: `from` is `from_`. Raises ValueError."""
    own = f"{name}_" if keyword.iskeyword(name) else name
    if not own.isidentifier():
        raise ValueError(f"the field {name!r} cannot be an argument in Python; rename it in the API")
    return own


def const(name: str) -> str:
    """Return a name as that of a class."""
    return "".join(word.capitalize() for word in name.split("_"))


def docstring(text: str) -> str:
    """Return the docstring of a class, indented."""
    clean = " ".join(text.replace('"""', "'''").split())
    return f'    """{clean}"""\n\n'


def _renamed(name: str, default: str) -> str:
    """Return the definition of a field that has another name in JSON."""
    if not default:
        return f' = msgspec.field(name="{name}")'
    if default.startswith(" = msgspec.field("):
        return default.replace("msgspec.field(", f'msgspec.field(name="{name}", ')
    return f' = msgspec.field(name="{name}", default={default.removeprefix(" = ")})'


def _comment(field: Mapping[str, Any]) -> list[str]:
    text = " ".join(str(field.get("description", "")).split())
    return [f"    # {text}\n"] if text else []


def _default(field: Mapping[str, Any], kind: str) -> str:
    """Return the default of a field that answers may lack."""
    default = field.get("default")
    if isinstance(default, str | int | float | bool):
        return f" = {default!r}"
    if kind.startswith("list["):
        return " = msgspec.field(default_factory=list)"
    if kind.startswith("dict["):
        return " = msgspec.field(default_factory=dict)"
    return " = None"
