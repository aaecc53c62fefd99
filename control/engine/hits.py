"""Answers of the engine about hits: live ones, rejected ones, problems, a postback to test, the lag of its workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.engine.answers import sees_personal_data
from control.engine.client import engine_client
from control.engine.scope import Scope, scope_of
from control.partners.access import require_operator

Hit = Mapping[str, Any]
"""Hit: ts, kind, verdict, offer_id, partner_id; reason, field, detail, link, id, amount, status where it has them."""


@dataclass(frozen=True, slots=True)
class HitFilter:
    """Hits to show; empty values do not limit."""

    kind: str = ""
    verdict: str = ""
    offer: int | None = None
    partner: int | None = None
    from_: str = ""
    """Date or RFC 3339 time; rejected hits only."""
    to: str = ""


@dataclass(frozen=True, slots=True)
class HitPage:
    """Some hits, newest first, and the time before which the next ones are; "" if there are none."""

    hits: tuple[Hit, ...]
    next: str


def recent_hits(actor: Actor, wanted: HitFilter, rows_max: int, before: str = "") -> HitPage:
    """Return hits of the last seven days, newest first; a partner's own ones, with amounts if a setting shows them.

    Raises Forbidden, Invalid, Unavailable.
    """
    scope = scope_of(actor)
    fields = {**_fields(wanted), "verdict": wanted.verdict or None, "before": before or None, "limit": rows_max}
    answer = engine_client().ask("hits", fields, scope)
    return HitPage(tuple(answer["hits"]), answer["next"] or "")


def rejected_by_reason(actor: Actor, wanted: HitFilter) -> list[Mapping[str, Any]]:
    """Count rejected hits by reason, the most frequent first: reason, hits, by_day, kinds, fields, partners, last.

    Raises Forbidden, Invalid, Unavailable.
    """
    found: list[Mapping[str, Any]] = engine_client().ask(
        "rejected_reasons", {**_fields(wanted), **_period(wanted)}, scope_of(actor)
    )["reasons"]
    return found


def rejected_examples(actor: Actor, reason: str, wanted: HitFilter, rows_max: int) -> list[Mapping[str, Any]]:
    """Return the newest rejected hits of a reason; what was sent is left out for those who see no personal data.

    Raises Forbidden, Invalid, Unavailable.
    """
    personal = sees_personal_data(actor)
    fields = {**_fields(wanted), **_period(wanted), "reason": reason, "limit": rows_max, "personal": personal}
    found: list[Mapping[str, Any]] = engine_client().ask("rejected_examples", fields, scope_of(actor))["examples"]
    return found


def problems_by_code(actor: Actor, examples: int) -> list[Mapping[str, Any]]:
    """Count problems of each code: code, count, examples (the newest). Raises Forbidden, Unavailable."""
    answer = engine_client().ask("problems_by_code", {"examples": examples}, _operator_scope(actor))
    found: list[Mapping[str, Any]] = answer["problems"]
    return found


def inspect_postback(actor: Actor, query: str, body: str = "", content_type: str = "") -> Mapping[str, Any]:
    """Read a postback as an edge would; nothing is recorded. Raises Forbidden, Invalid, Unavailable."""
    fields = {"query": query, "body": body or None, "content_type": content_type or None}
    return engine_client().ask("postback", fields, _operator_scope(actor))


def engine_lag() -> Mapping[str, Any]:
    """Return ingest_records, attribution_records and unhealthy, a sentence or None. Raises Unavailable."""
    return engine_client().ask("lag", {}, Scope())


def _operator_scope(actor: Actor) -> Scope:
    """Return the scope of an operator. Raises Forbidden."""
    require_operator(actor, Area.REPORTS, Action.READ)
    return scope_of(actor)


def _fields(wanted: HitFilter) -> dict[str, Any]:
    return {"kind": wanted.kind or None, "offer": wanted.offer, "partner": wanted.partner}


def _period(wanted: HitFilter) -> dict[str, Any]:
    return {"from": wanted.from_ or None, "to": wanted.to or None}
