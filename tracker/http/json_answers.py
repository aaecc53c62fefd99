"""Responses in JSON. Every process imports this for its probes, hence nothing of clicks and postbacks."""

from typing import Any

import orjson
from starlette.responses import Response


def json_answer(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """Make a JSON response with the headers of every answer of the edge."""
    headers = {"cache-control": "no-store", **(headers or {})}
    return Response(orjson.dumps(body) + b"\n", status, headers, "application/json")


def error_answer(status: int, error: str, field: str, fix: str, headers: dict[str, str] | None = None) -> Response:
    """Make the error response of a request that failed validation: the field and how to fix it."""
    return json_answer(status, {"error": error, "field": field, "fix": fix}, headers)
