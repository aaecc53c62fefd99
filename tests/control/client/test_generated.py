"""The generated part of the client says what the OpenAPI document says; that its files are current is a convention."""

import inspect
import json
from typing import Any, get_args, get_type_hints

import httpx
import msgspec
import pytest

from clew.client import Client
from tools.client_code import document as openapi_document
from tools.client_operations import Operation, operations
from tools.client_schemas import Schemas

_CALLS_OF_CLIENT = {"idempotency_key", "self", "query", "fields"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def test_each_operation_has_a_method_and_each_method_an_operation(document: dict[str, Any]) -> None:
    client = Client("http://localhost", "")
    methods = {
        f"{resource}.{name}"
        for resource, owner in vars(client).items()
        if not resource.startswith("_")
        for name, _ in inspect.getmembers(owner, inspect.ismethod)
        if not name.startswith("_")
    }
    known = list(operations(document, Schemas(document["components"]["schemas"])))
    assert {f"{operation.resource}.{operation.name}" for operation in known} == methods
    count = sum(len(methods_of_path) for methods_of_path in document["paths"].values())
    assert len({(operation.verb, operation.path) for operation in known}) == count


def test_each_method_sends_what_its_operation_takes(document: dict[str, Any]) -> None:
    """Every method is called with every argument; the request must have exactly what the document names."""
    schemas = Schemas(document["components"]["schemas"])
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(418, json={"detail": "noted"})

    client = Client("http://localhost", "key", http=httpx.Client(transport=httpx.MockTransport(answer)))
    for operation in operations(document, schemas):
        method = getattr(getattr(client, operation.resource), operation.name)
        with pytest.raises(Exception, match="418"):
            _call(method, operation)
        request, told = sent[-1], f"{operation.verb} {operation.path}"
        parts = {name: _value(kind) for name, kind in operation.parameters}
        assert request.url.path == "/api/v1" + operation.path.format(**parts), told
        assert set(request.url.params) == set(operation.query["properties"]), told
        body = schemas[operation.body]["properties"] if operation.body else {}
        if not operation.files:
            assert set(json.loads(request.content or b"{}")) == set(body), told
        assert request.headers.get("If-Match") == ("*" if operation.checks_etag else None), told
        assert ("Idempotency-Key" in request.headers) is (operation.verb == "post"), told
        assert request.headers["Authorization"] == "Bearer key", told


def _call(method: Any, operation: Operation) -> None:
    hints = get_type_hints(method)
    arguments: dict[str, Any] = {}
    for name, hint in hints.items():
        fields = get_args(hint)[0] if name == "fields" else hint
        if name in ("fields", "query"):
            values = {field: b"x" if field in operation.files else "1" for field in fields.__annotations__}
            arguments |= values if name == "fields" else {name: values}
    result = method(*(_value(kind) for _, kind in operation.parameters), **arguments)
    next(iter(result)) if operation.item else result


def _value(kind: str) -> Any:
    return 7 if kind == "int" else "a/b"


def test_each_answer_has_the_fields_of_its_schema(document: dict[str, Any]) -> None:
    schemas = Schemas(document["components"]["schemas"])
    client = Client("http://localhost", "")
    for operation in operations(document, schemas):
        kind = get_type_hints(getattr(getattr(client, operation.resource), operation.name))["return"]
        kind = get_args(kind)[0] if operation.item else kind
        name = operation.item or operation.answer
        if name in ("bytes", "None", "Any"):
            continue
        fields = {field.encode_name: field.required for field in msgspec.structs.fields(kind)}
        assert fields.pop("etag") is fields.pop("program_version") is False
        required = set(schemas[name].get("required", []))
        assert fields == {field: field in required for field in schemas[name]["properties"]}, operation.path
