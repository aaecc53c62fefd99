"""Names of the partners and offers that an answer of the engine mentions, from the rows of the control plane.

The engine's own names are used where there is no row: with a program file, the control plane may have none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from control.engine.answers import Report
from control.partners.models import Partner
from control.program.models import Offer

UNATTRIBUTED = 0
_BATCH_NUMBERS = 500


@dataclass(frozen=True, slots=True)
class Names:
    """Names by number."""

    partners: Mapping[int, str]
    offers: Mapping[int, str]

    def partner(self, number: int | None, engine_name: str | None = "") -> str:
        """Return the name of a partner."""
        if number == UNATTRIBUTED:
            return "unattributed"
        return self.partners.get(number or 0) or engine_name or (f"Partner {number}" if number else "")

    def offer(self, number: int | None, engine_name: str | None = "") -> str:
        """Return the name of an offer."""
        return self.offers.get(number or 0) or engine_name or (f"Offer {number}" if number else "")


def find_names(partners: Iterable[int | None], offers: Iterable[int | None]) -> Names:
    """Find the names of these partners and offers."""
    return Names(_names(Partner, partners), _names(Offer, offers))


def names_of_report(report: Report) -> Names:
    """Find the names that a report mentions."""
    return find_names(*([row.get(key) for row in report.rows] for key in ("partner_id", "offer_id")))


def names_of_conversions(conversions: Sequence[Mapping[str, Any]]) -> Names:
    """Find the names that conversions mention."""
    partners = [
        entry["partner_id"] for row in conversions for table in ("shares", "commissions") for entry in row[table]
    ]
    return find_names(partners, [row["offer_id"] for row in conversions])


def names_of_explanation(explanation: Mapping[str, Any]) -> Names:
    """Find the names that an explanation mentions."""
    partners = [
        row["partner_id"] for table in ("touches", "plans", "commissions", "ledger")
        for row in explanation.get(table, ())
    ]  # fmt: skip
    partners += [credit["partner_id"] for model in explanation.get("models", ()) for credit in model["credits"]]
    partners.append(explanation["conversion"].get("coupon_partner_id"))
    return find_names(partners, [explanation["conversion"]["offer_id"]])


def _names(model: type[Partner] | type[Offer], numbers: Iterable[int | None]) -> dict[int, str]:
    wanted = sorted({number for number in numbers if number})
    found: dict[int, str] = {}
    for start in range(0, len(wanted), _BATCH_NUMBERS):
        batch = wanted[start : start + _BATCH_NUMBERS]
        rows = model._default_manager.filter(number__in=batch)
        found |= dict(rows.values_list("number", "name"))
    return found
