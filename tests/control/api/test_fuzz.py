"""Requests that schemathesis makes from the document, right and wrong ones: each answer is as documented."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections, connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from control.accounts.actor import command_line
from control.accounts.keys import make_key
from control.api.root import api
from control.partners.services import create_partner
from tests.control.program.sample import shoes

pytestmark = pytest.mark.usefixtures("database", "_one_connection")
DOCUMENT: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))
OPERATIONS = {found.label: found for result in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
              if (found := result.ok())}  # fmt: skip
CHECKS = [
    checks.status_code_conformance, checks.content_type_conformance, checks.response_headers_conformance,
    checks.response_schema_conformance,
]  # fmt: skip
REQUESTS_OF_OPERATION = 4
ATTACKS = ["'; DROP TABLE x; --", "<script>", "\u202e", "%", "\\", "🙂", "a\nb", "a\x00b", "\ud800", "x" * 300]
FIXED = settings(
    max_examples=REQUESTS_OF_OPERATION, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
"""The same requests each time; failures are not made smaller, because each request costs much."""


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


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_request_is_a_server_error(label: str) -> None:
    command = command_line()
    partner = create_partner(command, {"name": "Blue"}, "active")
    there = {"partner_id": partner.number, "offer_id": shoes().number, "seq": 1, "name": "kpi", "reason": "malformed"}
    _, key = make_key(command, "fuzz", "admin")
    headers = {"Authorization": f"Bearer {key}", "If-Match": "*", "Host": "localhost"}
    operation, application = OPERATIONS[label], WSGIHandler()
    statuses = DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"]
    made = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]

    @FIXED
    @given(case=st.one_of(made), exists=st.booleans(), attack=st.none() | st.sampled_from(ATTACKS))
    def send(case: Any, exists: bool, attack: str | None) -> None:
        if exists:
            given_ids = case.path_parameters or {}
            case.path_parameters = {name: there.get(name, value) for name, value in given_ids.items()}
        if attack is not None:
            case.query = _attacked(case.query, attack.encode("utf-8", "replace").decode())
            if case.media_type == "application/json":
                case.body = _attacked(case.body, attack)
        with transaction.atomic():
            answer = case.call(app=application, headers=headers)
            assert answer.status_code < 500 or str(answer.status_code) in statuses, answer.text[:300]
            if not (answer.status_code == 404 and "there is no such path" in answer.text):
                case.validate_response(answer, checks=CHECKS)
            connection.check_constraints()
            transaction.set_rollback(True)

    send()
