"""API: tests of postbacks. A postback is read as an edge would read it; nothing is recorded or sent."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.money import Money
from control.engine.edge import tracking_url
from control.engine.hit_texts import mistakes_of, notes_of
from control.engine.hits import inspect_postback
from control.engine.hits_api import money_of
from control.engine.names import find_names
from control.engine.postback_text import TEXT_CHARS_MAX, read_pasted
from control.errors import FieldError, Invalid

postback_tests = Router(tags=["postback-tests"])
Outcome = Literal[
    "refused",
    "test",
    "conversion",
    "duplicate",
    "conflict",
    "status_change",
    "unchanged",
    "adjustment",
    "waiting_adjustment",
]


class PostbackTestIn(Schema):
    """A postback to read."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        "", max_length=TEXT_CHARS_MAX, description="URL, its query alone, a line of a log, or a curl command."
    )
    body: str = Field("", max_length=TEXT_CHARS_MAX, description="Body of a POST.")
    content_type: Literal["", "application/x-www-form-urlencoded", "application/json"] = Field(
        "", description="Type of the body; by its content without it."
    )


class MistakeOut(Schema):
    """A mistake in a postback."""

    field: str = Field(description="Parameter; `url` for the address.")
    reason: str
    detail: str
    fix: str


class PostbackFieldOut(Schema):
    """A parameter as it was read."""

    name: str
    value: str = Field(description="Empty for the secret.")
    known: bool = Field(description="False for a custom field.")
    note: str


class StoredConversionOut(Schema):
    """A conversion that has the key of the postback."""

    time: str
    status: str
    amount: Money


class PostbackTestOut(Schema):
    """Decision that an edge would take about a postback."""

    outcome: Outcome = Field(description="The decision; the API guide explains each.")
    mistakes: list[MistakeOut] = Field(description="All of them; an edge answers with the first.")
    answer_status: int = Field(description="HTTP status of an edge's answer.")
    fields: list[PostbackFieldOut]
    offer: int = Field(description="0 if none was found.")
    offer_name: str
    partner: int = Field(description="0 if none was found.")
    partner_name: str
    goal: str
    txn_id: str
    amount: Money | None
    status: str
    conversion_id: str
    stored: StoredConversionOut | None
    notes: list[str] = Field(description="What is not a mistake and worth knowing, about the click and the key.")


@postback_tests.post("", response=answers(PostbackTestOut, errors=(404, 503)))
def create_postback_test(request: HttpRequest, wanted: PostbackTestIn) -> PostbackTestOut:
    """Say what an edge would do with a postback; nothing is recorded or sent. For operators only."""
    if not wanted.url.strip() and not wanted.body.strip():
        raise Invalid(FieldError("url", "is missing; give a postback URL, or a body"))
    read = read_pasted(wanted.url, tracking_url())
    found = inspect_postback(actor_of(request), read.query, wanted.body, wanted.content_type)
    mistakes = [MistakeOut(**one) for one in mistakes_of(found)]
    if read.address_mistake:
        fix = "Correct the address."
        mistakes.insert(0, MistakeOut(field="url", reason="", detail=read.address_mistake, fix=fix))
    names, stored = find_names([found["partner_id"]], [found["offer_id"]]), found["stored"]
    outcome = _outcome(found) if not mistakes else "refused"
    return PostbackTestOut(
        outcome=outcome, mistakes=mistakes, answer_status=_status(found, read.address_mistake, outcome),
        fields=[
            PostbackFieldOut(**{**one, "value": "" if one["name"] == "secret" else one["value"]})
            for one in found["fields"]
        ],
        offer=found["offer_id"], offer_name=names.offer(found["offer_id"]), partner=found["partner_id"],
        partner_name=names.partner(found["partner_id"]) if found["partner_id"] else "",
        amount=money_of(found["amount"], found["currency"]) if found["amount"] else None,
        stored=StoredConversionOut(
            time=stored["ts"], status=stored["status"], amount=money_of(stored["amount"], stored["currency"])
        ) if stored is not None else None,
        notes=[text for _, text in notes_of(found)],
        **{name: found[name] for name in ("goal", "txn_id", "status", "conversion_id")},
    )  # fmt: skip


def _outcome(found: Mapping[str, Any]) -> Outcome:
    """Return what happens to a postback without mistakes."""
    stored = found["stored"]
    if found["test"]:
        return "test"
    if found["topic"] == "adjustment":
        return "waiting_adjustment" if stored is None else "adjustment"
    if stored is None:
        return "conversion"
    if found["amount"] and (Decimal(found["amount"]), found["currency"]) != (
        Decimal(stored["amount"]), stored["currency"],
    ):  # fmt: skip
        return "conflict"
    if found["status"] == stored["status"] or all(field["name"] != "status" for field in found["fields"]):
        return "duplicate"
    return "unchanged" if stored["status"] == "approved" and found["status"] != "declined" else "status_change"


def _status(found: Mapping[str, Any], address_mistake: str, outcome: Outcome) -> int:
    """Return the status with which an edge answers: that of the first mistake."""
    if address_mistake:
        return 404
    if found["mistakes"]:
        status = int(found["mistakes"][0]["status"])
        return status if status != 200 else 409
    return 409 if outcome in ("conflict", "unchanged") else 200
