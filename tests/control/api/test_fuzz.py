"""Requests made from the document, right and wrong ones: no answer is a 500, and each has a documented status."""

import json
import random
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from control.accounts.actor import command_line
from control.accounts.keys import make_key
from control.api.root import api
from control.partners.services import create_partner
from tests.control.program.sample import shoes

pytestmark = pytest.mark.usefixtures("database")
DOCUMENT: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
TEXTS = [
    *(
        "",
        "a",
        "Ä ö",
        "x" * 300,
        "null",
        "0",
        "'; DROP TABLE x; --",
        "<script>",
        "\u202e",
        "2026-01-01",
        "%",
        "\\",
        "🙂",
    ),
    *("a\nb", "a\x00b", "\ud800", "10.50", "USD", "30d", "owner", "active", "https://shop.example/?cid={click_id}"),
]
DATES = ["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "x"]
NUMBERS = [0, 1, 2, -1, 7, 500, 2**31, 2**32, 2**63, 10**30]
WRONG = [None, True, [], {}, "text", -1, 1.5, [None], {"a": 1}]
REQUESTS_OF_OPERATION = 10


class Maker:
    """Values for schemas; some of them are wrong."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def value(self, schema: dict[str, Any]) -> Any:
        if self._chance.random() < 0.08:
            return self._chance.choice(WRONG)
        if "$ref" in schema:
            return self.value(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        if "anyOf" in schema:
            return self.value(self._chance.choice(schema["anyOf"]))
        match schema.get("type"):
            case "object":
                return self._object(schema)
            case "array":
                return [self.value(schema.get("items", {})) for _ in range(self._chance.choice([0, 1, 2, 5]))]
            case "integer":
                return self._chance.choice(NUMBERS)
            case "boolean":
                return self._chance.choice([True, False])
            case "null":
                return None
        return self._text(schema)

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        fields = schema.get("properties", {})
        required = set(schema.get("required", ()))
        made = {name: self.value(field) for name, field in fields.items()
                if name in required or self._chance.random() < 0.5}  # fmt: skip
        return made | ({self._chance.choice(TEXTS): 1} if self._chance.random() < 0.1 else {})

    def _text(self, schema: dict[str, Any]) -> str:
        if schema.get("format") == "uuid":
            return self._chance.choice(["6b1d3c52-0b8f-4d44-a5b5-3b7d6a5b9c11", "x"])
        if schema.get("format") == "date-time":
            return self._chance.choice(DATES)
        return self._chance.choice(TEXTS)


def _address_text(text: str) -> str:
    """Return a text that an address can hold: no half characters."""
    return text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_is_a_server_error(path: str, method: str) -> None:
    command = command_line()
    create_partner(command, {"name": "Blue"}, "active")
    shoes()
    _, key = make_key(command, "fuzz", "admin")
    client = Client(HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {key}", raise_request_exception=False)
    operation, maker = DOCUMENT["paths"][path][method], Maker(seed=len(path))
    for _ in range(REQUESTS_OF_OPERATION):
        address, query = path, {}
        for parameter in operation.get("parameters", ()):
            value = maker.value(parameter["schema"])
            if parameter["in"] == "path":
                text = _address_text(str(value)).replace("/", "").replace("\\", "") or "x"
                address = address.replace(f"{{{parameter['name']}}}", text)
            elif isinstance(value, str | int | float):
                query[parameter["name"]] = _address_text(value) if isinstance(value, str) else value
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        body = json.dumps(maker.value(content["schema"])) if content else ""
        with transaction.atomic():
            answer = client.generic(
                method.upper(), address, body, content_type="application/json", query_params=query,
                headers={"If-Match": "*"},
            )  # fmt: skip
            said = answer.content.decode()[:300]
            known = {int(status) for status in operation["responses"]} | {404}
            assert answer.status_code in known, (address, query, body, answer.status_code, said)
            connection.check_constraints()
            transaction.set_rollback(True)
