"""Attribution's part of `clew audit`: its tables against each other and against the passes that wrote them.

Every pass says how many rows it wrote into each table, and every row says which one of them it is: so a row that
is gone or doubled is found whatever it says. The other checks find rows that are wrong in themselves.
"""

from typing import Any

from attribution.core.revisions import TABLES
from attribution.live.progress import known_shards, newest_cursors
from operations.audit.attribution_sql import (
    CREDITS_ADD_UP,
    JOURNALS_BALANCE,
    LEDGER_MATCHES,
    ONE_REVISION_PAYS,
    PASSES_IN_ORDER,
    REVERSALS_MATCH,
    REVISIONS_IN_ORDER,
    RUNS_ADD_UP,
    VIEWS_MATCH,
    pass_rows,
    stale_intents,
    strangers,
    uncredited,
    values_match,
)
from operations.findings import Check
from warehouse.port import Warehouse

EXAMPLES_MAX = 5
_GRACE_US = 60_000_000
"""A conversion is looked for once it has been there for a minute."""
_INTENT_AGE_US = 300_000_000
_SETTINGS = {"max_bytes_before_external_group_by": 10**9, "join_use_nulls": 0}
"""Groups beyond a gigabyte go to disk; grouping in the tables' order needs less memory, but takes ten times as long."""


def attribution_checks(warehouse: Warehouse, now_us: int) -> list[Check]:
    """Run all checks of credits, commissions, ledger, revisions, joins and passes. Raises WarehouseError."""
    shards = known_shards(warehouse)
    cursors = newest_cursors(warehouse, shards)
    late, places = uncredited(cursors, shards)
    checks = [
        _look(warehouse, "conversions neither credited nor a problem", late, {**places, "before": now_us - _GRACE_US}),
        _look(warehouse, "net values that are not amount less refunds", *values_match(cursors, shards)),
        _look(warehouse, "credits that do not add up to the net value", CREDITS_ADD_UP),
        _look(warehouse, "commissions that the ledger does not match", LEDGER_MATCHES),
        _look(warehouse, "journals that are not zero per currency", JOURNALS_BALANCE),
        _look(warehouse, "reversals that do not match what they reverse", REVERSALS_MATCH),
        _look(warehouse, "conversions paid by more than one revision", ONE_REVISION_PAYS),
        _look(warehouse, "revisions missing or doubled", REVISIONS_IN_ORDER),
        _look(warehouse, "revisions by another shard than their conversion's", strangers(shards)),
        _look(warehouse, "passes missing or doubled", PASSES_IN_ORDER),
        _look(warehouse, "stale intents", stale_intents(), {"before": now_us - _INTENT_AGE_US}),
    ]
    checks.append(_look(warehouse, "runs whose credits are missing, doubled or wrong", RUNS_ADD_UP))
    checks += [_look(warehouse, f"rows of {table} missing or doubled, by pass", pass_rows(table)) for table in TABLES]
    checks += [_look(warehouse, f"sum of view {name} unequal to its table", sql) for name, sql in VIEWS_MATCH.items()]
    return checks


def _look(warehouse: Warehouse, name: str, sql: str, parameters: dict[str, Any] | None = None) -> Check:
    """Run a check whose SQL returns one text per fault."""
    found = warehouse.query(
        f"SELECT toInt64(count()) AS n, arraySlice(arraySort(groupArray(1000)(toString(example))), 1, {EXAMPLES_MAX}) "
        f"AS examples FROM ({sql})",
        parameters or {},
        _SETTINGS,
    ).to_pylist()[0]
    return Check(name, found["n"] == 0, found["n"], tuple(found["examples"]))
