"""Read the current revision of conversions, with its credits and commissions."""

from collections.abc import Collection, Mapping
from typing import Any

from attribution.core.credits import CreditLine
from attribution.core.revisions import CurrentRevision
from attribution.store.id_sets import digest_sets
from attribution.store.tuples import tuples_of
from schemas.ddl import DATABASE
from schemas.fields import NO_DIGEST
from schemas.tables import Commission
from warehouse.port import Warehouse


class RevisionReader:
    """Revisions of one warehouse."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def current_revisions(self, ids: Collection[bytes]) -> dict[bytes, CurrentRevision]:
        """Return the current revision of the conversions that have one."""
        revisions: dict[bytes, dict[str, Any]] = {}
        for chunk, parameters in digest_sets(ids):
            table = self._warehouse.query(
                "SELECT conversion_id, revision, program_hash, paying_model, status, value_minor, problems "
                f"FROM {DATABASE}.revisions WHERE conversion_id IN ({chunk}) "
                "ORDER BY conversion_id, revision DESC LIMIT 1 BY conversion_id",
                parameters,
            )
            revisions |= {row["conversion_id"]: row for row in table.to_pylist()}
        if not revisions:
            return {}
        credits, commissions = self._credits_of(revisions), self._commissions_of(revisions)
        return {
            key: CurrentRevision(
                row["revision"], row["program_hash"], row["paying_model"], row["status"], row["value_minor"],
                dict(row["problems"]), tuple(sorted(credits.get(key, ()))), tuple(commissions.get(key, ())),
            )
            for key, row in revisions.items()
        }  # fmt: skip

    def _credits_of(self, revisions: Mapping[bytes, Mapping[str, Any]]) -> dict[bytes, list[CreditLine]]:
        credits: dict[bytes, list[CreditLine]] = {}
        for chunk, parameters in digest_sets(revisions):
            table = self._warehouse.query(
                "SELECT conversion_id, revision, model, touch_id, partner_id, weight_e12, value_minor, reason "
                f"FROM {DATABASE}.credits WHERE run_id = 'live' AND sign = 1 AND conversion_id IN ({chunk})",
                parameters,
            )
            for key, revision, *line in tuples_of(table):
                if revision == revisions[key]["revision"]:
                    credits.setdefault(key, []).append(CreditLine(*line))
        return credits

    def _commissions_of(self, revisions: Mapping[bytes, Mapping[str, Any]]) -> dict[bytes, list[Commission]]:
        commissions: dict[bytes, list[Commission]] = {}
        names = [n for n in Commission.__struct_fields__ if n not in ("event_ts", "hold_until")]
        for chunk, parameters in digest_sets(revisions):
            table = self._warehouse.query(
                f"SELECT {', '.join(names)}, toUnixTimestamp64Micro(event_ts) AS at, "
                f"toUnixTimestamp64Micro(hold_until) AS held FROM {DATABASE}.commissions "
                f"WHERE conversion_id IN ({chunk}) ORDER BY conversion_id, commission_id",
                parameters,
            )
            for *row, at, held in tuples_of(table):
                line = Commission(event_ts=at, hold_until=held, **dict(zip(names, row, strict=True)))
                if line.reverses == NO_DIGEST and line.revision == revisions[line.conversion_id]["revision"]:
                    commissions.setdefault(line.conversion_id, []).append(line)
        return commissions
