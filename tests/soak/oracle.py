"""The list of what was answered against the tables: lost, doubled, unpaid, unbalanced."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.soak.load import Answered


class Asked(Protocol):
    """The installation that is asked: one machine or servers."""

    def sql(self, statement: str) -> list[dict[str, Any]]: ...

    def json(self, *words: str, check: bool = True) -> Any: ...


@dataclass
class Verdict:
    """The findings of a soak; it passed if every list is empty."""

    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    found: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.found


def judge(server: Asked, answered: Answered) -> Verdict:
    """Compare after everything is attributed."""
    verdict = Verdict(len(answered.clicks) + len(answered.event_clicks) + len(answered.conversions))
    verdict.found += answered.wrong[:5]
    clicks = _counts(server, "SELECT click_id AS id, count() AS n FROM clicks GROUP BY id")
    conversions = _counts(server, "SELECT conversion_id AS id, count() AS n FROM conversions GROUP BY id")
    for what, told, stored in (
        ("click", answered.clicks | answered.event_clicks, clicks),
        ("conversion", set(answered.conversions), conversions),
    ):
        lost = told - stored.keys()
        doubled = [key for key, n in stored.items() if n != 1]
        verdict.lost += len(lost)
        verdict.doubled += len(doubled)
        verdict.found += [f"{what} {key} was answered and is not stored" for key in sorted(lost)[:5]]
        verdict.found += [f"{what} {key} is stored {stored[key]} times" for key in sorted(doubled)[:5]]
    verdict.found += _payments(server, answered)
    audit = server.json("audit", check=False)
    verdict.found += [f"audit: {c['name']}: {c['examples'][:3]}" for c in audit["checks"] if not c["ok"]]
    return verdict


def _payments(server: Asked, answered: Answered) -> list[str]:
    """8.5 % + 1.20 for each conversion, once."""
    paid = {
        row["conversion_id"]: round(float(row["paid"]) * 100)
        for row in server.sql("SELECT conversion_id, sum(amount) AS paid FROM commissions GROUP BY conversion_id")
    }
    found = []
    for conversion_id, cents in answered.conversions.items():
        owed = (cents * 85 * 2 + 1000) // 2000 + 120  # half away from zero
        if paid.get(conversion_id) != owed:
            found.append(f"conversion {conversion_id} of {cents} pays {paid.get(conversion_id)}, not {owed}")
    balance = server.sql("SELECT sum(amount) AS balance FROM ledger")[0]["balance"]
    if float(balance or 0):
        found.append(f"the ledger is off by {balance}")
    return found[:5]


def _counts(server: Asked, statement: str) -> dict[str, int]:
    """Counts by id, read in slices so that no answer is over the row limit."""
    return {row["id"]: int(row["n"]) for row in server.sql(statement)}
