"""Methods of the Python client, from the operations of the OpenAPI document."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.client_schemas import Key, Schemas, const, dictionary, docstring, wire_name

_PREFIX = "/api/v1/"
_VERBS = {"get": "get", "post": "create", "patch": "update", "put": "replace", "delete": "delete"}
_FORM = "multipart/form-data"
_METHODS = "x-client-methods"
"""Methods of an operation that takes several kinds of bodies, as the API names them."""


@dataclass(frozen=True)
class Operation:
    """One operation, with its method in Python."""

    verb: str
    path: str
    """Path below /api/v1."""
    resource: str
    name: str
    text: str
    parameters: tuple[tuple[str, str], ...]
    """Parts of the path, with their types."""
    query: Mapping[str, Any]
    """Schema of the parameters after the question mark."""
    body: str
    """Schema of the body; empty without a body."""
    files: tuple[str, ...]
    """Fields of the body that are files."""
    answer: str
    """Type of the answer: the name of a schema, or `bytes`, or `None`."""
    item: str
    """Schema of the items of a list; empty if the answer is not a page."""
    checks_etag: bool

    def roots(self) -> list[Key]:
        """Return the types that the method needs."""
        found = [Key(name, False) for name in (self.item or self.answer,) if name not in ("bytes", "None", "Any")]
        return [*found, Key(self.body, True)] if self.body else found

    def query_class(self) -> str:
        """Return the class of the parameters after the question mark; empty if there are none."""
        if not self.query["properties"]:
            return ""
        return dictionary(self._query_name(), self.query, _NoSchemas({}), f"Parameters of `{self.name}`.")

    def _query_name(self) -> str:
        return f"{const(self.resource)}{const(self.name)}Query"

    def method(self, schemas: Schemas, *, is_async: bool) -> str:
        """Return the method."""
        arguments, keyed = self._path_arguments(schemas)
        extra = self._keywords(schemas)
        is_page = bool(self.item)
        kind = self._kind(schemas)
        answer = f"{'Async' if is_async else ''}Pages[{kind}]" if is_page else kind
        head = "async def" if is_async and not is_page else "def"
        lines = [f"    {head} {wire_name(self.name)}({', '.join(['self', *arguments, *extra])}) -> {answer}:\n"]
        lines.append("    " + docstring(self.text).replace("\n\n", "\n"))
        call = self._call(keyed)
        if is_page:
            lines.append(f"        return {'Async' if is_async else ''}Pages(self._transport, {kind}, {call})\n\n")
        else:
            wait = "await " if is_async else ""
            kind = "type(None)" if kind == "None" else kind
            lines.append(f"        return {wait}self._transport.call({kind}, {call})\n\n")
        return "".join(lines)

    def _kind(self, schemas: Schemas) -> str:
        name = self.item or self.answer
        return name if name in ("bytes", "None", "Any") else schemas.name_of(Key(name, False))

    def _path_arguments(self, schemas: Schemas) -> tuple[list[str], list[str]]:
        """Return the arguments for the parts of the path, and the values that they give."""
        arguments, values = [], []
        for position, (name, kind) in enumerate(self.parameters):
            last = position == len(self.parameters) - 1
            if last and self.checks_etag and self.answer not in ("bytes", "None", "Any"):
                own = wire_name(name.removesuffix("_id"))
                arguments.append(f"{own}: {self._kind(schemas)} | {kind}")
                values.append(f"key_of({own}, '{'id' if name.endswith('_id') else name}')")
            else:
                arguments.append(f"{name}: {kind}")
                values.append(name)
        return arguments, values

    def _keywords(self, schemas: Schemas) -> list[str]:
        """Return the arguments by name."""
        found = ["idempotency_key: str = ''"] if self.verb == "post" else []
        dictionaries = []
        if self.body:
            dictionaries.append(schemas.name_of(Key(self.body, True)))
        if self.query["properties"]:
            dictionaries.append(self._query_name())
        if len(dictionaries) == 2:  # a body and parameters: the parameters are one argument
            found.append(f"query: {dictionaries.pop()}")
        kwargs = [f"**fields: Unpack[{dictionaries[0]}]"] if dictionaries else []
        return [*(["*", *found] if found else []), *kwargs]

    def _call(self, keyed: list[str]) -> str:
        template = re.sub(r"\{\w+\}", "{}", self.path)
        place = f"path({', '.join([repr(template), *keyed])})" if keyed else repr(template)
        parts = [repr(self.verb.upper()), place]
        if self.query["properties"]:
            parts.append(f"query=given({'query' if self.body else 'fields'})")
        if self.body:
            parts.append("body=given(fields)")
        if self.files:
            parts.append(f"files={self.files!r}")
        if self.checks_etag:
            # There is one object at a path without a key, which the caller does not name.
            own = f"etag_of({keyed[-1].partition('(')[2].partition(',')[0]})" if keyed else "'*'"
            parts.append(f"if_match={own}")
        if self.verb == "post":
            parts.append("idempotency_key=idempotency_key")
        return f"Call({', '.join(parts)})"


class _NoSchemas(Schemas):
    """For parameters of queries, which are plain values."""

    def type_of(self, schema: Mapping[str, Any], *, is_argument: bool) -> str:
        return "Any" if "$ref" in schema else super().type_of(schema, is_argument=is_argument)


def operations(document: Mapping[str, Any], schemas: Schemas) -> list[Operation]:
    """Return the operations of a document. Raises ValueError if two of them have one name."""
    found = list(_operations(document, schemas))
    names = [(operation.resource, operation.name) for operation in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"several operations are named {sorted(twice)}; give them different paths")
    schemas.note_answers(key for operation in found for key in operation.roots() if not key.is_argument)
    return found


def _operations(document: Mapping[str, Any], schemas: Schemas) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for verb, own_name, operation in _single(methods):
            below = path.removeprefix(_PREFIX).strip("/")
            parts = below.split("/")
            parameters = operation.get("parameters", [])
            body, is_form = _body(operation)
            answer, item = _answer(operation, schemas)
            yield Operation(
                verb=verb, path=f"/{below}", resource=parts[0].replace("-", "_"),
                name=own_name or _name(verb, parts[1:], is_page=bool(item)), text=operation.get("description") or path,
                parameters=tuple(
                    (parameter["name"], "int" if parameter["schema"].get("type") == "integer" else "str")
                    for parameter in parameters if parameter["in"] == "path"
                ),
                query={
                    "properties": {p["name"]: p["schema"] for p in parameters if p["in"] == "query"
                                   and p["name"] != "cursor"},
                    "required": [p["name"] for p in parameters if p["in"] == "query" and p.get("required")],
                },
                body=body, files=_files(schemas[body]) if is_form else (), answer=answer, item=item,
                checks_etag="412" in operation["responses"],
            )  # fmt: skip


def _single(methods: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield verb, name and operation; one that takes several kinds of bodies is several methods, named by the API."""
    for verb, operation in methods.items():
        names = operation.get(_METHODS)
        if names is None:
            yield verb, "", operation
            continue
        (done,) = (status for status in operation["responses"] if status < "300")
        bodies = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
        kinds = operation["responses"][done]["content"]["application/json"]["schema"]["anyOf"]
        for name, body, kind in zip(names, bodies, kinds, strict=True):
            responses = {**operation["responses"], done: {"content": {"application/json": {"schema": kind}}}}
            request = {"content": {"application/json": {"schema": body}}}
            yield verb, name, {**operation, "requestBody": request, "responses": responses}


def _name(verb: str, parts: list[str], *, is_page: bool) -> str:
    """Return the name of a method by the path after the resource."""
    words = [
        _singular(part) if [*parts, ""][position + 1].startswith("{") else part.replace("-", "_").replace(".", "_")
        for position, part in enumerate(parts) if not part.startswith("{")
    ]  # fmt: skip
    if not words:
        return "list" if is_page else _VERBS[verb]
    whole = "_".join(words)
    if verb == "post":
        return "_".join([words[-1], *words[:-1]])
    if verb == "get" and not is_page and not parts[-1].startswith("{"):
        return whole
    return f"{'list' if is_page else _VERBS[verb]}_{whole}"


def _singular(part: str) -> str:
    """Return the name of one object of a collection: `deliveries` is `delivery`."""
    text = part.replace("-", "_")
    return f"{text[:-3]}y" if text.endswith("ies") else text.removesuffix("s")


def _body(operation: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the schema of the body, and whether it is a form."""
    content = (operation.get("requestBody") or {}).get("content", {})
    for kind in ("application/json", _FORM):
        ref = content.get(kind, {}).get("schema", {}).get("$ref", "")
        if ref:
            return ref.rpartition("/")[2], kind == _FORM
    if content:
        raise ValueError(f"the body of {operation['operationId']} must be one named schema")
    return "", False


def _files(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields of a form that are files."""
    return tuple(name for name, field in schema["properties"].items() if field.get("format") == "binary")


def _answer(operation: Mapping[str, Any], schemas: Schemas) -> tuple[str, str]:
    """Return the type of the answer, and that of its items if it is a page of a list."""
    done: Mapping[str, Any] = next(
        (answer for status, answer in sorted(operation["responses"].items()) if status < "300"), {}
    )
    content = done.get("content", {})
    if not content:
        return "None", ""
    schema = content.get("application/json", {}).get("schema")
    if schema is None:
        return "bytes", ""
    name = schema.get("$ref", "").rpartition("/")[2]
    if not name:
        return "Any", ""
    properties = schemas[name].get("properties", {})
    item = properties.get("items", {}).get("items", {}).get("$ref", "").rpartition("/")[2]
    return name, item if "next" in properties else ""
