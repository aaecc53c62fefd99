"""Base of audited models: every way to write rows through Django records an audit event in the same transaction.

The signals of Django are not enough: `update`, `bulk_create` and `bulk_update` send none.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar, TypeVar

from django.db import models, transaction
from django.db.utils import NotSupportedError

from control.audit.record import Change, record, record_all

_M = TypeVar("_M", bound="AuditedModel")
_BATCH_ROWS = 500
Row = Mapping[str, Any]


class AuditedQuerySet(models.QuerySet[_M]):
    """Query set whose writes are recorded."""

    def update(self, **values: Any) -> int:
        """Update rows. In batches, so that before and after of many rows need little memory."""
        if values.keys() <= self.model.audit_ignored:
            return super().update(**values)
        updated = 0
        with transaction.atomic(using=self.db):
            keys = iter(list(self.order_by().values_list("pk", flat=True).distinct()))
            while batch := list(islice(keys, _BATCH_ROWS)):
                before = stored_rows(self.model, batch, lock=True)
                updated += super(AuditedQuerySet, self.filter(pk__in=batch)).update(**values)
                after = stored_rows(self.model, batch)
                record_all(_updates(self.model, before, after))
        return updated

    def bulk_create(self, objs: Iterable[_M], *arguments: Any, **options: Any) -> list[_M]:
        """Insert rows. Raises NotSupportedError if conflicts are to be ignored: nobody knows then what was written."""
        if options.get("ignore_conflicts") or options.get("update_conflicts"):
            raise NotSupportedError("audited rows are inserted without ignore_conflicts and update_conflicts")
        with transaction.atomic(using=self.db):
            made = super().bulk_create(objs, *arguments, **options)
            keys = iter(made)
            while batch := [row.pk for row in islice(keys, _BATCH_ROWS)]:
                stored = stored_rows(self.model, batch)
                record_all(change_of(self.model, "created", None, row) for row in stored.values())
        return made

    def delete_unnamed(self) -> None:
        """Delete few rows that no other row names, without a signal for each; the database refuses the others."""
        with transaction.atomic(using=self.db):
            rows = stored_rows(self.model, list(self.order_by().values_list("pk", flat=True)), lock=True)
            record_all(change_of(self.model, "deleted", row, None) for row in rows.values())
            super()._raw_delete(self.db)

    def _raw_delete(self, using: str | None) -> int:
        raise NotSupportedError("audited rows are deleted by delete()")


AuditedManager = models.Manager.from_queryset(AuditedQuerySet)


class AuditedModel(models.Model):
    """Model whose changes are recorded."""

    audit_ignored: ClassVar[frozenset[str]] = frozenset()
    """Columns whose changes are not recorded."""
    audit_name: ClassVar[str] = ""
    """Column that names the object for people."""
    audit_partner: ClassVar[str] = ""
    """Column that holds the number of the partner that the object belongs to."""

    objects = AuditedManager()

    class Meta:
        abstract = True
        # Django writes through the base manager when it changes related rows.
        base_manager_name = "objects"

    def save(self, *arguments: Any, **options: Any) -> None:
        """Store the object, and record the change."""
        model = type(self)
        with transaction.atomic(using=options.get("using")):
            before = stored_rows(model, [self.pk], lock=True) if self.pk is not None else {}
            super().save(*arguments, **options)
            after = stored_rows(model, [self.pk])
            if before:
                record_all(_updates(model, before, after))
            else:
                record_all(change_of(model, "created", None, row) for row in after.values())


def record_deletion(sender: type[AuditedModel], instance: AuditedModel, **_named: object) -> None:
    """Record a deletion. A receiver of pre_delete, which Django sends for each row, those by cascade included."""
    for row in stored_rows(sender, [instance.pk], lock=True).values():
        record(change_of(sender, "deleted", row, None))


def stored_rows(model: type[AuditedModel], keys: Sequence[Any], *, lock: bool = False) -> dict[Any, Row]:
    """Return rows as the database has them, by their primary key."""
    rows = model._base_manager.filter(pk__in=keys).order_by("pk")
    if lock:
        rows = rows.select_for_update()
    columns = [field.attname for field in model._meta.concrete_fields if field.attname not in model.audit_ignored]
    return {row[model._meta.pk.attname]: row for row in rows.values(*columns)}


def change_of(model: type[AuditedModel], action: str, before: Row | None, after: Row | None) -> Change:
    """Describe a change of one row."""
    row = after or before or {}
    partner = row.get(model.audit_partner)
    return Change(
        action, model._meta.label_lower, str(row[model._meta.pk.attname]), str(row.get(model.audit_name) or ""),
        before, after, partner,
    )  # fmt: skip


def _updates(model: type[AuditedModel], before: Mapping[Any, Row], after: Mapping[Any, Row]) -> Iterable[Change]:
    """Yield the changes of rows that differ, with the columns that differ."""
    for key, row in after.items():
        was = before.get(key)
        if was is None:
            continue
        changed = [name for name, value in row.items() if was[name] != value]
        if changed:
            full = change_of(model, "updated", was, row)
            yield Change(
                full.action, full.object_type, full.object_id, full.object_name,
                {name: was[name] for name in changed}, {name: row[name] for name in changed}, full.partner,
            )  # fmt: skip
