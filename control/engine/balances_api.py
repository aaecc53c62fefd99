"""API: balances, as the engine answers them for the one who asks."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field, field_validator

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.lists import LIMIT_MAX
from control.api.money import Money
from control.engine.answers import balances as engine_balances
from control.engine.api import numbers_of
from control.engine.cursors import check_parameters, cursor_of, offset_of
from control.engine.names import find_names

balances = Router(tags=["balances"])


class BalanceQuery(Schema):
    """Filters of balances."""

    partner: str = Field("", max_length=1_100, description="Numbers of partners, separated by commas.")
    limit: int = Field(50, ge=1, le=LIMIT_MAX, description="Most items of a page.")
    cursor: str = Field("", max_length=200, description="`next` of the page before.")

    @field_validator("partner")
    @classmethod
    def _are_numbers(cls, value: str) -> str:
        numbers_of(value)
        return value


class BalanceOut(Schema):
    """Commissions of a partner in one currency that were not paid out."""

    partner: int
    name: str
    pending: Money = Field(description="Waits until the sale is confirmed.")
    held: Money = Field(description="Confirmed, and waits for the end of the hold.")
    payable: Money = Field(description="May be paid out.")
    next_payable: datetime | None = Field(description="Time at which the next of the held ones may be paid out.")


class BalancePage(Schema):
    """Page of balances."""

    items: list[BalanceOut]
    next: str | None


@balances.get("", response=answers(BalancePage, errors=(503,)))
def list_balances(request: HttpRequest, query: Query[BalanceQuery]) -> dict[str, Any]:
    """List what partners have earned, by partner and currency: pending, held and payable."""
    check_parameters(request, query)
    offset = offset_of(query.cursor)
    rows = engine_balances(actor_of(request), numbers_of(query.partner), query.limit + 1, offset)
    shown = rows[: query.limit]
    names = find_names([row["partner_id"] for row in shown], [])
    return {
        "items": [
            {
                "partner": row["partner_id"], "name": names.partner(row["partner_id"]),
                "next_payable": row["next_payable"],
                **{
                    name: {"amount": row[name], "currency": row["currency"]}
                    for name in ("pending", "held", "payable")
                },
            }
            for row in shown
        ],
        "next": cursor_of(offset + query.limit) if len(rows) > query.limit else None,
    }  # fmt: skip
