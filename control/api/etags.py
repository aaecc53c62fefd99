"""ETags: a hash of the object as the API shows it."""

import hashlib

from django.http import HttpRequest, HttpResponse
from ninja import Schema

from control.api.problems import PreconditionFailed


def etag_of(shown: Schema) -> str:
    """Return the ETag of an object."""
    return f'"{hashlib.sha256(shown.model_dump_json().encode()).hexdigest()[:32]}"'


def set_etag(response: HttpResponse, shown: Schema) -> None:
    """Send the ETag with an object."""
    response["ETag"] = etag_of(shown)


def check_if_match(request: HttpRequest, shown: Schema) -> None:
    """Refuse a change of an object that is not the one that the caller has read. Raises PreconditionFailed.

    Call it while the row is locked.
    """
    given = request.headers.get("If-Match")
    if given is None:
        raise PreconditionFailed("send the header If-Match with the ETag that GET gave")
    tags = {tag.strip() for tag in given.split(",")}
    if "*" not in tags and etag_of(shown) not in tags:
        raise PreconditionFailed("the object has changed since you read it; read it again and repeat")
