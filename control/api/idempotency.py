"""Idempotency-Key: a repeated POST gets the stored answer instead of a second effect."""

import hashlib
import json
from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from control.accounts.keys import actor_of_key
from control.api.models import IdempotentAnswer
from control.api.problems import problem
from control.errors import FieldError, Unauthenticated
from control.program.sealing import seal, unseal

KEY_CHARS_MAX = 255
_KEPT_HEADERS = ("Content-Type", "ETag", "Location", "Clew-Program-Version")
_PREFIX = "/api/v1/"


class IdempotencyMiddleware:
    """Stores the answer in the transaction of the change, so that both are there or neither."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None or request.method != "POST" or not request.path.startswith(_PREFIX):
            return self._get_response(request)
        if not 0 < len(key) <= KEY_CHARS_MAX or not key.isascii() or not key.isprintable():
            mistake = FieldError("Idempotency-Key", f"must be 1 to {KEY_CHARS_MAX} printable ASCII characters")
            return problem(request, 422, str(mistake), [mistake])
        actor_id = _actor_id(request)
        if actor_id is None:
            return self._get_response(request)
        return self._once(request, actor_id, key)

    def _once(self, request: HttpRequest, actor_id: str, key: str) -> HttpResponse:
        digest = _digest(request)
        with transaction.atomic():
            # A concurrent request with the key waits here until this one has its answer.
            row = IdempotentAnswer(actor_id=actor_id, key=key, request_digest=digest)
            IdempotentAnswer.objects.bulk_create([row], ignore_conflicts=True)
            stored = IdempotentAnswer.objects.select_for_update().get(actor_id=actor_id, key=key)
            if stored.status:
                return _repeated(request, stored, digest)
            response = self._get_response(request)
            if response.status_code >= 400:
                transaction.set_rollback(True)
                return response
            # Sealed, because an answer may hold a secret that is shown once.
            stored.status, stored.body = response.status_code, seal(response.content.decode("latin-1"), _owner(stored))
            stored.headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
            stored.save()
        return response


def _digest(request: HttpRequest) -> str:
    """Return a hash over path and content. Files are read in parts: they may be larger than other bodies."""
    found = hashlib.sha256(request.get_full_path().encode() + b"\0")
    if request.content_type != "multipart/form-data":
        found.update(request.body)
        return found.hexdigest()
    for name, values in sorted(request.POST.lists()):
        found.update(json.dumps([name, values]).encode())
    for name in sorted(request.FILES):
        for file in request.FILES.getlist(name):
            found.update(json.dumps([name, file.name]).encode())
            for chunk in file.chunks():
                found.update(chunk)
            file.seek(0)
    return found.hexdigest()


def _actor_id(request: HttpRequest) -> str | None:
    """Return the key or person who asks; None for others, who get their error from the API."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        try:
            actor = actor_of_key(token, timezone.now())
        except Unauthenticated:
            return None
        return actor.id if actor is not None else None
    return str(request.user.pk) if request.user.is_authenticated else None


def _owner(stored: IdempotentAnswer) -> str:
    return f"answer {stored.actor_id} {stored.key}"


def _repeated(request: HttpRequest, stored: IdempotentAnswer, digest: str) -> HttpResponse:
    if stored.request_digest != digest:
        return problem(request, 409, "this Idempotency-Key was used for another request; choose another key")
    body = unseal(bytes(stored.body), _owner(stored)).encode("latin-1")
    response = HttpResponse(body, status=stored.status, headers=stored.headers)
    response["Idempotency-Replayed"] = "true"
    return response
