"""API without a key: the fields of a form, and an application by it. Limited per network address."""

import base64
import binascii
from typing import Any

from django.http import HttpRequest
from django.utils import translation
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field

from control.api.rate_limit import TooManyRequests
from control.applications import guard
from control.applications.public import anonymous
from control.applications.submitting import Submission, open_form, submit
from control.custom_forms.answers import Upload
from control.custom_forms.definition import FieldDefinition
from control.filters import NUMBER_MAX
from control.modules.states import require_on

apply_router = Router(tags=["apply"], auth=None)
_TEXT = "We have taken the application. A mail to the address says what comes next."
_MESSAGE = "too many applications came from this network; wait an hour and repeat"


class OpenFormOut(Schema):
    """A form that takes applications."""

    slug: str
    name: str
    version: int
    intro: dict[str, str]
    fields: list[FieldDefinition] = Field(description="Fields besides name and email. Points are left out.")


class ApplicationIn(Schema):
    """An application."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=500)
    email: str = Field("", max_length=500)
    answers: dict[str, Any] = Field(
        default_factory=dict, description="Answers by key. A file is `{name, content}` with the content in base64."
    )
    locale: str = Field("", max_length=16, description="Language of the mails, such as de.")
    source: dict[str, str] = Field(default_factory=dict, description="utm_source and others, referrer, host.")
    ref: int | None = Field(None, ge=1, le=NUMBER_MAX, description="Number of the partner who has passed the form on.")


class ApplyOut(Schema):
    """The same answer for every mail address."""

    message: str


@apply_router.get("/{slug}", response={200: OpenFormOut, 404: None})
def get_open_form(request: HttpRequest, slug: str) -> OpenFormOut:
    """Get the fields of a form that takes applications."""
    require_on("applications")
    form, version = open_form(slug)
    fields = [field.model_copy(update={"score": []}) for field in version.definition.fields]
    return OpenFormOut(slug=form.slug, name=form.name, version=version.number, intro=form.intro, fields=fields)


@apply_router.post("/{slug}", response={202: ApplyOut, 404: None, 422: None, 429: None})
def apply(request: HttpRequest, slug: str, body: ApplicationIn) -> Status[ApplyOut]:
    """Apply by a form. Network addresses are limited to some applications in an hour."""
    require_on("applications")
    form, version = open_form(slug)
    actor = anonymous(request)
    if not guard.takes("api", actor.address, guard.API_PER_HOUR_MAX):
        raise TooManyRequests(guard.HOUR_S, _MESSAGE)
    if guard.takes_mail(body.email):
        answers = {key: _file(value) for key, value in body.answers.items()}
        base_url = request.build_absolute_uri("/").rstrip("/")
        locale = body.locale if translation.check_for_language(body.locale) else ""
        sent = Submission(body.name, body.email, answers, locale, body.source, body.ref, base_url=base_url)
        submit(actor, form, version, sent)
    return Status(202, ApplyOut(message=_TEXT))


def _file(value: Any) -> Any:
    """Return a file out of its name and its content; other values as they are."""
    if not isinstance(value, dict) or value.keys() != {"name", "content"}:
        return value
    try:
        return Upload(str(value["name"])[-200:], base64.b64decode(str(value["content"]), validate=True))
    except (binascii.Error, ValueError):
        return value
