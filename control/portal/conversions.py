"""Conversions as a partner reads them: own part only, with the state of the commission in plain words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.translation import gettext as _

from control.console.figures.conversion_table import time_of
from control.console.figures.sums import minor_of
from control.engine.names import Names
from control.tables.write import Value
from control.ui.local_formats import money_text
from control.ui.moments import minute_text
from control.ui.table import Cell, Column, Row, Table, Tone
from schemas.values.timestamps import rfc3339

Conversion = Mapping[str, Any]


def statuses() -> dict[str, tuple[str, Tone]]:
    """Return text and tone of each status of a conversion."""
    return {
        "approved": (_("Approved"), "good"),
        "pending": (_("Pending"), "warn"),
        "hold": (_("On hold"), "warn"),
        "declined": (_("Rejected"), "bad"),
    }


def status_cell(row: Conversion) -> Cell:
    """Return the badge of a conversion's status."""
    text, tone = statuses().get(row["status"], (row["status"], "neutral"))
    return Cell(text, badge=tone)


def commission_states() -> dict[str, str]:
    """Return the text of each state of a commission."""
    return {"pending": _("pending"), "held": _("on hold"), "payable": _("payable")}


def earned(row: Conversion) -> dict[str, int]:
    """Return what the partner earns by the conversion, in minor units by currency."""
    sums: dict[str, int] = {}
    for paid in row["commissions"]:
        sums[paid["currency"]] = sums.get(paid["currency"], 0) + minor_of(paid["amount"], paid["currency"])
    return sums


def earned_text(row: Conversion) -> str:
    """Write what the partner earns by the conversion."""
    return " + ".join(money_text(minor, currency) for currency, minor in earned(row).items()) or "–"


def conversion_table(rows: Sequence[Conversion], names: Names, timezone: str, *, brief: bool = False) -> Table:
    """Make the table of conversions; `brief` is for the first page."""
    zone = ZoneInfo(timezone)
    states = commission_states()
    heads = [Column(_("Order")), Column(_("Time")), Column(_("Offer")), Column(_("You earn"), numeric=True)]
    heads += [] if brief else [Column(_("Commission"))]
    body = []
    for row in rows:
        address = reverse("portal_conversion", args=[row["conversion_id"]])
        paid = sorted({states.get(one["status"], one["status"]) for one in row["commissions"]})
        body.append(
            Row(
                [
                    Cell(row["txn_id"] or row["conversion_id"][:12], href=address),
                    minute_text(time_of(row).astimezone(zone)), names.offer(row["offer_id"]), earned_text(row),
                    *([] if brief else [", ".join(paid) or "–"]), status_cell(row),
                ]
            )
        )  # fmt: skip
    return Table(_("Conversions"), [*heads, Column(_("Status"))], body)


def export_head() -> list[str]:
    """Return the head of a file of conversions."""
    return [
        _("Conversion"), _("Time"), _("Order"), _("Offer"), _("Goal"), _("Status"), _("You earn"), _("Currency"),
        _("Commission"), _("Click id"),
    ]  # fmt: skip


def export_rows(rows: Sequence[Conversion], names: Names) -> Iterator[list[Value]]:
    """Yield the rows of a file, with plain numbers: one for each commission, and one for a conversion without any."""
    states, texts = commission_states(), statuses()
    for row in rows:
        head: list[Value] = [
            row["conversion_id"], rfc3339(row["at_us"]), row["txn_id"], names.offer(row["offer_id"]), row["goal"],
            texts.get(row["status"], (row["status"], "neutral"))[0],
        ]  # fmt: skip
        for paid in row["commissions"] or [{"amount": "", "currency": "", "status": ""}]:
            state = states.get(paid["status"], paid["status"])
            yield [*head, paid["amount"], paid["currency"], state, row["click_id"]]
