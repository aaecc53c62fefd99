"""SQL of attribution's checks; each selects one text `example` per thing that is wrong. Pure."""

from collections.abc import Mapping
from typing import Any

from attribution.store.cursor import Cursor, split_partition_key
from attribution.store.shards import sql_shard_of
from schemas.ddl import ANALYST, DATABASE, REFUNDED_MINOR, STATE_NOW, STATUS_NOW, money
from schemas.reasons import Problem

_NONE = "toFixedString('', 16)"
_CURRENT = f"""SELECT conversion_id, max(revision) AS last, argMax(value_minor, revision) AS value,
    argMax(status, revision) AS status, argMax(mapContains(problems, '{Problem.FAILED.value}'), revision) AS is_failed,
    argMax(mapContains(problems, '{Problem.PROGRAM_MISSING.value}'), revision) AS is_stuck
    FROM {DATABASE}.revisions GROUP BY conversion_id"""

CREDITS_ADD_UP = f"""
SELECT concat(lower(hex(conversion_id)), ' ', model, ': ', toString(weight), 'e-12 of the conversion, ',
    toString(credited), ' of ', toString(value), ' minor units') AS example
FROM (
    SELECT conversion_id, model, sum(toInt128(sign) * weight_e12) AS weight,
        sum(toInt128(sign) * value_minor) AS credited
    FROM {DATABASE}.credits WHERE run_id = 'live' GROUP BY conversion_id, model
) AS k
LEFT JOIN ({_CURRENT}) AS r ON r.conversion_id = k.conversion_id
WHERE if(r.is_failed, weight != 0 OR credited != 0, weight != 1000000000000 OR credited != r.value)
UNION ALL
SELECT concat(lower(hex(conversion_id)), ': no credits') AS example FROM ({_CURRENT})
WHERE NOT is_failed AND conversion_id NOT IN (SELECT conversion_id FROM {DATABASE}.credits WHERE run_id = 'live')"""

LEDGER_MATCHES = f"""
SELECT concat(lower(hex(commission_id)), ' ', currency, ': commission ', toString(sum(owed)), ', expense ',
    toString(sum(expense)), ', payable ', toString(sum(payable))) AS example
FROM (
    SELECT commission_id, currency, toInt128(amount_minor) AS owed, 0 AS expense, 0 AS payable
    FROM {DATABASE}.commissions
    UNION ALL
    SELECT commission_id, currency, 0, if(account = 'commission_expense', amount_minor, 0),
        if(account = 'partner_payable', amount_minor, 0)
    FROM {DATABASE}.ledger
)
GROUP BY commission_id, currency HAVING sum(owed) != sum(expense) OR sum(owed) != -sum(payable)"""

JOURNALS_BALANCE = f"""
SELECT concat(lower(hex(journal_id)), ': ', toString(sum(toInt128(amount_minor))), ' ', currency) AS example
FROM {DATABASE}.ledger GROUP BY journal_id, currency HAVING sum(toInt128(amount_minor)) != 0"""

REVERSALS_MATCH = f"""
SELECT concat(lower(hex(b.reverses)), ': ', toString(a.amount), ' and ', toString(b.amount), ' in ', toString(b.times),
    ' reversal(s)') AS example
FROM (
    SELECT reverses, currency, sum(toInt128(amount_minor)) AS amount, count() AS times
    FROM {DATABASE}.commissions WHERE reverses != {_NONE} GROUP BY reverses, currency
) AS b
LEFT JOIN (
    SELECT commission_id, currency, sum(toInt128(amount_minor)) AS amount FROM {DATABASE}.commissions
    WHERE commission_id IN (SELECT reverses FROM {DATABASE}.commissions WHERE reverses != {_NONE})
    GROUP BY commission_id, currency
) AS a ON a.commission_id = b.reverses AND a.currency = b.currency
WHERE a.amount + b.amount != 0 OR b.times != 1
UNION ALL
SELECT concat(lower(hex(journal_id)), ': entry reverses ', lower(hex(reverses)), ', which is not there') AS example
FROM {DATABASE}.ledger WHERE reverses != {_NONE} AND reverses NOT IN (SELECT entry_id FROM {DATABASE}.ledger)"""

ONE_REVISION_PAYS = f"""
SELECT concat(lower(hex(conversion_id)), ': revisions ', toString(paying), ', current ', toString(r.last)) AS example
FROM (
    SELECT conversion_id, groupUniqArray(revision) AS paying FROM {DATABASE}.commissions
    WHERE reverses = {_NONE}
    AND commission_id NOT IN (SELECT reverses FROM {DATABASE}.commissions WHERE reverses != {_NONE})
    GROUP BY conversion_id
) AS c LEFT JOIN ({_CURRENT}) AS r ON r.conversion_id = c.conversion_id
WHERE paying != [r.last]"""

REVISIONS_IN_ORDER = f"""
SELECT concat(lower(hex(conversion_id)), ': ', toString(count()), ' rows up to revision ', toString(max(revision)))
    AS example
FROM {DATABASE}.revisions GROUP BY conversion_id
HAVING count() != max(revision) OR uniqExact(revision) != count() OR min(revision) != 1
UNION ALL
SELECT concat(lower(hex(conversion_id)), ': credited, but there is no such conversion') AS example
FROM {DATABASE}.revisions WHERE conversion_id NOT IN (SELECT conversion_id FROM {DATABASE}.conversions)"""

PASSES_IN_ORDER = f"""
SELECT concat('shard ', toString(shard), ': ', toString(count()), ' rows up to pass ', toString(max(pass_id)))
    AS example
FROM {DATABASE}.passes GROUP BY shard HAVING count() != max(pass_id) OR uniqExact(pass_id) != count()"""


def strangers(shards: int) -> str:
    """Revisions that were written by another shard than their conversion's."""
    return f"""
SELECT concat(lower(hex(conversion_id)), ': revision ', toString(revision), ' by shard ', toString(_partition))
    AS example
FROM {DATABASE}.revisions WHERE _partition != {sql_shard_of("conversion_id", shards)}"""


def stale_intents() -> str:
    """Intents begun before {before} µs of a pass that is not done.

    An intent that was not chosen does not last: the next owner of the shard writes a pass with its number.
    """
    return f"""
SELECT DISTINCT concat('pass ', toString(pass_id), ' of shard ', toString(shard)) AS example FROM {DATABASE}.intents
WHERE (shard, pass_id) NOT IN (SELECT shard, pass_id FROM {DATABASE}.passes)
AND ts < fromUnixTimestamp64Micro({{before:Int64}}, 'UTC')"""


def pass_rows(table: str) -> str:
    """Passes whose rows of one table are not each there once; what an open intent is about is left out."""
    return f"""
SELECT concat('pass ', toString(if(p.pass_id = 0, t._batch, p.pass_id)), ': ', toString(t.present), ' rows, ',
    toString(t.different), ' of them different, of ', toString(p.wanted)) AS example
FROM (
    SELECT shard, pass_id, toUInt64(any(rows['{table}'])) AS wanted FROM {DATABASE}.passes GROUP BY shard, pass_id
) AS p
FULL JOIN (
    SELECT _partition, _batch, count() AS present, uniqExact(_offset) AS different, max(_offset) AS last
    FROM {DATABASE}.{table} WHERE _source = 'attribution' GROUP BY _partition, _batch
) AS t ON t._partition = p.shard AND t._batch = p.pass_id
WHERE (t.present != p.wanted OR t.different != p.wanted OR (p.wanted > 0 AND t.last + 1 != p.wanted))
AND (p.pass_id != 0 OR (t._partition, t._batch) NOT IN (SELECT shard, pass_id FROM {DATABASE}.intents))
UNION ALL
SELECT concat('row of unknown origin, offset ', toString(_offset)) AS example FROM {DATABASE}.{table}
WHERE _source != 'attribution'{_OF_RUNS if table == "credits" else ""}"""


_OF_RUNS = " AND NOT (_source = 'run' AND run_id != 'live')"

RUNS_ADD_UP = f"""
SELECT concat('run ', r.run_id, ': ', toString(c.present), ' credits, ', toString(c.different), ' of them different, ',
    'of ', toString(r.wanted), ', which add up to ', toString(c.weight), 'e-12 conversions and ', toString(c.value),
    ' minor units under ', toString(c.models), ' models') AS example
FROM (
    SELECT run_id, any(rows) AS wanted, any(conversions) AS conversions, any(mapValues(values)) AS worth,
        count() AS noted FROM {DATABASE}.runs GROUP BY run_id
) AS r
LEFT JOIN (
    SELECT run_id, toUInt64(count()) AS present, uniqExact(_partition, _batch, _offset) AS different,
        toUInt64(uniqExact(model)) AS models, sum(toInt128(weight_e12)) AS weight,
        sum(toInt128(value_minor)) AS value
    FROM {DATABASE}.credits WHERE run_id != 'live' GROUP BY run_id
) AS c ON c.run_id = r.run_id
WHERE r.noted != 1 OR c.present != r.wanted OR c.different != r.wanted
    OR c.weight != toInt128(r.conversions * c.models) * 1000000000000 OR c.value != arraySum(r.worth) * c.models"""
"""Runs whose credits are not each there once, or do not add up to their conversions and values."""


def _done(cursors: Mapping[int, Cursor], shards: int, table: str) -> tuple[str, dict[str, Any]]:
    """SQL: the row's record is before the cursor of its conversion's shard."""
    places = sorted({name for cursor in cursors.values() for name in cursor.conversions})
    terms, parameters = ["0"], dict[str, Any]()
    for number, name in enumerate(places):
        log_id, partition = split_partition_key(name)
        parameters[f"log{number}"] = log_id
        ends = [cursors[n].conversions.get(name, 0) if n in cursors else 0 for n in range(shards)]
        end = f"arrayElement({ends}, 1 + {sql_shard_of(f'{table}.conversion_id', shards)})"
        terms.append(
            f"({table}._log = {{log{number}:String}} AND {table}._partition = {partition} AND {table}._offset < {end})"
        )
    return f"({' OR '.join(terms)})", parameters


def uncredited(cursors: Mapping[int, Cursor], shards: int) -> tuple[str, dict[str, Any]]:
    """Conversions without a revision: those that passes have gone by, and older ones than {before} µs."""
    done, parameters = _done(cursors, shards, "c")
    sql = f"""
SELECT lower(hex(c.conversion_id)) AS example FROM {DATABASE}.conversions AS c
WHERE ({done} OR c.ts < fromUnixTimestamp64Micro({{before:Int64}}, 'UTC'))
AND c.conversion_id NOT IN (SELECT conversion_id FROM {DATABASE}.revisions)"""
    return sql, parameters


def values_match(cursors: Mapping[int, Cursor], shards: int) -> tuple[str, dict[str, Any]]:
    """Conversions whose current net value or status is not what their adjustments make of them."""
    done, parameters = _done(cursors, shards, "x")
    sql = f"""
SELECT concat(lower(hex(c.conversion_id)), ': ', r.status, ' ', toString(r.value), ', should be ', {STATUS_NOW}, ' ',
    toString(c.amount_minor - {REFUNDED_MINOR})) AS example
FROM {DATABASE}.conversions AS c
INNER JOIN ({_CURRENT}) AS r ON r.conversion_id = c.conversion_id
LEFT JOIN ({STATE_NOW}) AS a ON a.conversion_id = c.conversion_id
WHERE NOT r.is_failed AND NOT r.is_stuck
AND (r.value != c.amount_minor - {REFUNDED_MINOR} OR r.status != {STATUS_NOW})
AND c.conversion_id NOT IN (SELECT conversion_id FROM {DATABASE}.adjustments AS x WHERE NOT {done})"""
    return sql, parameters


def _sums_differ(view: str, base: str) -> str:
    return f"""
SELECT concat(key, ': view ', toString(sum(of_view)), ', table ', toString(sum(of_base))) AS example FROM (
    SELECT key, amount AS of_view, toDecimal128(0, 4) AS of_base FROM ({view})
    UNION ALL
    SELECT key, toDecimal128(0, 4), amount FROM ({base})
) GROUP BY key HAVING sum(of_view) != sum(of_base)"""


VIEWS_MATCH = {
    "credits": _sums_differ(
        f"SELECT concat(model, ' ', currency) AS key, sum(value) AS amount FROM {ANALYST}.credits "
        "WHERE run_id = 'live' GROUP BY key",
        f"SELECT concat(model, ' ', currency) AS key, {money('sum(sign * value_minor)', 'any(currency)')} AS amount "
        f"FROM {DATABASE}.credits WHERE run_id = 'live' GROUP BY key",
    ),
    "commissions": _sums_differ(
        f"SELECT currency AS key, sum(amount) AS amount FROM {ANALYST}.commissions GROUP BY key",
        f"SELECT currency AS key, {money('sum(amount_minor)', 'any(currency)')} AS amount "
        f"FROM {DATABASE}.commissions GROUP BY key",
    ),
    "ledger": _sums_differ(
        f"SELECT concat(account, ' ', currency) AS key, sum(amount) AS amount FROM {ANALYST}.ledger GROUP BY key",
        f"SELECT concat(account, ' ', currency) AS key, {money('sum(amount_minor)', 'any(currency)')} AS amount "
        f"FROM {DATABASE}.ledger GROUP BY key",
    ),
}
