"""Requests that schemathesis makes from the document, right and wrong ones: each answer is as documented."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections, connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from control.accounts.actor import command_line
from control.accounts.keys import make_key
from control.api.root import api
from control.partners.services import create_partner
from tests.control.api.endpoints import walked
from tests.control.databases import Filling, TestDatabase
from tests.control.program.sample import shoes

pytestmark = pytest.mark.usefixtures("_one_connection")
LABELS = sorted(f"{method} /api/v1{path}" for method, path in walked())
PARTS = ["method", "path_parameters", "headers", "cookies", "query", "body", "media_type", "multipart_content_types"]
REQUESTS_OF_OPERATION = 4
ATTACKS = ["'; DROP TABLE x; --", "<script>", "\u202e", "%", "\\", "🙂", "a\nb", "a\x00b", "\ud800", "x" * 300]
FIXED = settings(
    max_examples=REQUESTS_OF_OPERATION, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
"""The same requests each time; failures are not made smaller, because each request costs much."""


@dataclass(frozen=True)
class Asked:
    """A request, as arguments of `APIOperation.Case`."""

    parts: Mapping[str, Any]
    exists: bool
    """Whether its path names rows that are there."""


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))
    return found


@cache
def operations() -> dict[str, Any]:
    # Its import takes seconds, which no process should pay that only collects tests.
    import schemathesis

    results = schemathesis.openapi.from_dict(document()).get_all_operations()
    return {found.label: found for result in results if (found := result.ok())}


@cache
def requests_to(label: str) -> list[Asked]:
    """Make the requests to one operation. They are made once: that takes longer than to send them to a database."""
    from schemathesis import GenerationMode

    modes, asked = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE), list[Asked]()
    cases = st.one_of([operations()[label].as_strategy(generation_mode=mode) for mode in modes])

    @FIXED
    @given(case=cases, exists=st.booleans(), attack=st.none() | st.sampled_from(ATTACKS))
    def make(case: Any, exists: bool, attack: str | None) -> None:
        parts = {name: getattr(case, name) for name in PARTS}
        if attack is not None:
            parts["query"] = _attacked(case.query, attack.encode("utf-8", "replace").decode())
            if case.media_type == "application/json":
                parts["body"] = _attacked(case.body, attack)
        asked.append(Asked(parts, exists))

    make()
    return asked


@pytest.fixture(scope="module")
def _one_connection() -> Iterator[None]:
    """Keep the connection of the test, which a request would close."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


def _attacked(values: Any, text: str) -> Any:
    """Return an object with a text in the place of each of its texts."""
    if not isinstance(values, Mapping):
        return values
    return {name: text if isinstance(value, str) else value for name, value in values.items()}


def filled_target() -> tuple[str, dict[str, Any]]:
    """Make a few rows; return a key and the values of paths that name them."""
    command = command_line()
    partner = create_partner(command, {"name": "Blue"}, "active")
    there = {"partner_id": partner.number, "offer_id": shoes().number, "seq": 1, "name": "kpi", "reason": "malformed"}
    return make_key(command, "fuzz", "admin")[1], there


@pytest.fixture
def filling() -> Filling:
    return filled_target


@pytest.mark.parametrize("label", LABELS)
def test_no_request_is_a_server_error(label: str, database: TestDatabase) -> None:
    from schemathesis.specs.openapi import checks

    key, there = database.content
    headers = {"Authorization": f"Bearer {key}", "If-Match": "*", "Host": "localhost"}
    method, _, path = label.partition(" ")
    statuses, application = document()["paths"][path][method.lower()]["responses"], WSGIHandler()
    asked = requests_to(label)
    assert asked, "none could be made"
    for one in asked:
        case = operations()[label].Case(**one.parts)
        if one.exists:
            case.path_parameters = {name: there.get(name, value) for name, value in case.path_parameters.items()}
        with transaction.atomic():
            answer = case.call(app=application, headers=headers)
            assert answer.status_code < 500 or str(answer.status_code) in statuses, f"{case!r}: {answer.text[:300]}"
            if not (answer.status_code == 404 and "there is no such path" in answer.text):
                case.validate_response(answer, checks=[
                    checks.status_code_conformance, checks.content_type_conformance,
                    checks.response_headers_conformance, checks.response_schema_conformance,
                ])  # fmt: skip
            connection.check_constraints()
            transaction.set_rollback(True)
