"""API: reasons of decisions."""

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.errors import FieldError, Invalid
from control.partners.access import require_operator
from control.reasons.models import TEXT_CHARS_MAX, Reason, ReasonArea
from control.reasons.services import all_reasons, change_reason

reasons_router = Router(tags=["reasons"])


class ReasonFields(Schema):
    """Fields of a reason that may be given."""

    model_config = ConfigDict(extra="forbid")

    texts: dict[str, str] = Field(description=f"Text by language; en is required. At most {TEXT_CHARS_MAX} characters.")
    shown_to_partner: bool = True
    is_archived: bool = False
    position: int = Field(100, ge=0, le=100_000)


class ReasonIn(ReasonFields):
    """A reason to add or to change."""

    area: str = Field(max_length=20)
    code: str = Field(max_length=40)


class ReasonOut(ReasonFields):
    """A reason."""

    area: str
    code: str


class ReasonList(Schema):
    """All reasons of an area; there is no further page."""

    items: list[ReasonOut]
    next: str | None = None


class ReasonQuery(Schema):
    """Area of decisions."""

    area: str = Field(ReasonArea.APPLICATION.value, max_length=20)


def _area(text: str) -> str:
    if text not in ReasonArea.values:
        raise Invalid(FieldError("area", f"must be one of {', '.join(ReasonArea.values)}"))
    return text


def _out(reason: Reason) -> ReasonOut:
    values = {name: getattr(reason, name) for name in ReasonFields.model_fields}
    return ReasonOut(area=reason.area, code=reason.code, **values)


@reasons_router.get("", response=answers(ReasonList))
def list_reasons(request: HttpRequest, query: Query[ReasonQuery]) -> ReasonList:
    """List the reasons of an area, those that are archived too."""
    require_operator(actor_of(request), Area.PARTNERS, Action.READ)
    return ReasonList(items=[_out(reason) for reason in all_reasons(_area(query.area))])


@reasons_router.post("", response=answers(ReasonOut, errors=(409,)))
def save_reason(request: HttpRequest, body: ReasonIn) -> ReasonOut:
    """Add a reason, or change the one of the code."""
    values = body.model_dump(exclude={"area", "code"}, exclude_unset=True)
    actor = actor_of(request)
    require_operator(actor, Area.SETTINGS, Action.WRITE)
    return _out(change_reason(actor, _area(body.area), body.code, values))
