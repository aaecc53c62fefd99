"""Rewrite statements about tables for a cluster. Pure.

On a cluster, each table is a replicated `<table>_local` on every server and a distributed `<table>` over them. Clew's
SQL and its migrations name only `<table>`; this module turns each statement into the statements for both.
"""

import re

from schemas.ddl import DATABASE

LOCAL = "_local"

_RECORD = "sipHash64(_log, _source, _partition, _offset)"
_CONVERSION = "sipHash64(conversion_id)"

SHARD_KEYS: dict[str, str] = {
    "clicks": "sipHash64(click_id)",
    "impressions": "sipHash64(impression_id)",
    "touches": "identity",
    "conversions": _CONVERSION,
    "adjustments": _CONVERSION,
    "rejected": _RECORD,
    "dead_letters": _RECORD,
    "skipped": _RECORD,
    "claims": "sipHash64(key)",
    "origins": "sipHash64(origin)",
    "credits": _CONVERSION,
    "commissions": _CONVERSION,
    "ledger": _CONVERSION,
    "revisions": _CONVERSION,
    "joins": _CONVERSION,
    "passes": "shard",
    "intents": "shard",
    "runs": "sipHash64(run_id)",
    "facts": "sipHash64(name)",
    "programs": "sipHash64(program_hash)",
    "labels": "sipHash64(kind, number, goal)",
    "migrations": "sipHash64(name)",
}
"""SQL that chooses the shard of a row. It must depend on the row alone: a repeated insert has to reach the same
shards, because only they remember its deduplication tokens."""

_TABLE = rf"{DATABASE}\.(?P<table>\w+)"
_CREATE = re.compile(rf"CREATE TABLE (?P<maybe>IF NOT EXISTS )?{_TABLE}(?P<rest>\s*\(.*)", re.DOTALL)
_DROP = re.compile(rf"DROP TABLE (?P<maybe>IF EXISTS )?{_TABLE}(?P<rest>.*)", re.DOTALL)
_CHANGE = re.compile(rf"(?P<verb>ALTER TABLE|TRUNCATE TABLE|DELETE FROM) {_TABLE}(?P<rest>\s.*|)", re.DOTALL)
_WHOLE = re.compile(
    r"(?P<head>(?:CREATE|DROP) DATABASE IF (?:NOT )?EXISTS \w+|CREATE OR REPLACE VIEW \w+\.\w+)(?P<rest>.*)", re.DOTALL
)
_OF_COLUMNS = re.compile(r"\s*(ADD|DROP|RENAME|MODIFY|COMMENT) COLUMN\b")


def on_cluster(statement: str, cluster: str) -> list[str]:
    """Return the statements to run on a cluster instead. Raises ValueError for a table without a shard key."""
    everywhere = f"ON CLUSTER '{cluster}'"
    if (made := _CREATE.fullmatch(statement)) is not None:
        return _created(made["table"], made["maybe"] or "", made["rest"], cluster)
    if (dropped := _DROP.fullmatch(statement)) is not None:
        drop = f"DROP TABLE {dropped['maybe'] or ''}{DATABASE}.{dropped['table']}"
        return [f"{drop} {everywhere}{dropped['rest']}", f"{drop}{LOCAL} {everywhere}{dropped['rest']}"]
    if (changed := _CHANGE.fullmatch(statement)) is not None:
        verb, name, rest = changed["verb"], f"{DATABASE}.{changed['table']}", changed["rest"]
        local = f"{verb} {name}{LOCAL} {everywhere}{rest}"
        both = verb == "ALTER TABLE" and _OF_COLUMNS.match(rest) is not None
        return [local, f"{verb} {name} {everywhere}{rest}"] if both else [local]
    if (whole := _WHOLE.fullmatch(statement)) is not None:
        return [f"{whole['head']} {everywhere}{whole['rest']}"]
    return [statement]


def _created(table: str, maybe: str, rest: str, cluster: str) -> list[str]:
    key = SHARD_KEYS.get(table)
    if key is None:
        raise ValueError(f"table {table} has no shard key: add one to SHARD_KEYS in schemas/cluster.py")
    name, everywhere = f"{DATABASE}.{table}", f"ON CLUSTER '{cluster}'"
    return [
        f"CREATE TABLE {maybe}{name}{LOCAL} {everywhere}{rest}",
        f"CREATE TABLE {maybe}{name} {everywhere} AS {name}{LOCAL}\n"
        f"ENGINE = Distributed('{cluster}', {DATABASE}, {table}{LOCAL}, {key})",
    ]
