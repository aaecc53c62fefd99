"""Clients of the API: one for each kind of key, and persons of each role."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from control.accounts.actor import command_line
from control.accounts.keys import make_key


class Api:
    """The API with one key; answers are checked to be JSON."""

    def __init__(self, key: str = "") -> None:
        headers = {"HTTP_AUTHORIZATION": f"Bearer {key}"} if key else {}
        self._client = Client(HTTP_HOST="localhost", **headers)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, HttpResponse]:
        content = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        answer: Any = self._client.generic(method, f"/api/v1{path}", headers=headers, **content)
        return answer.status_code, json.loads(answer.content) if answer.content else None, answer

    def upload(self, path: str, fields: Mapping[str, Any], **headers: str) -> tuple[int, Any, HttpResponse]:
        """Send a form whose field `file` is a file."""
        file = fields.get("file")
        content = file if isinstance(file, bytes) else str(file).encode()
        data = {**fields, "file": SimpleUploadedFile("partners.csv", content)} if file is not None else {**fields}
        answer: Any = self._client.post(f"/api/v1{path}", data, headers=headers)
        return answer.status_code, json.loads(answer.content) if answer.content else None, answer


@pytest.fixture
def api(database: object) -> Callable[..., Api]:
    """Make a client with a new key."""

    def make(scope: str = "admin", partner: int | None = None) -> Api:
        _, key = make_key(command_line(), f"{scope} {partner}", scope, partner)
        return Api(key)

    return make
