"""Triggers that keep the audit trail append-only; an event's place in the chain is written once."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_CONTENT = (
    "id, at, actor_kind, actor_id, actor_name, action, object_type, object_id, object_name, partner, "
    '"before", "after", reason, request_id, address'
)
_MESSAGE = "the audit trail is append-only"
# Table, name of the trigger, event, condition
_TRIGGERS = [
    ("audit_auditevent", "audit_event_content", f"UPDATE OF {_CONTENT}", ""),
    ("audit_auditevent", "audit_event_chained", "UPDATE OF position, digest", "OLD.position IS NOT NULL"),
    ("audit_auditevent", "audit_event_deleted", "DELETE", ""),
    ("audit_auditday", "audit_day_changed", "UPDATE", ""),
    ("audit_auditday", "audit_day_deleted", "DELETE", ""),
]


def create(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers."""
    postgresql = editor.connection.vendor == "postgresql"
    if postgresql:
        editor.execute(
            "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
    for table, name, event, condition in _TRIGGERS:
        when = f"WHEN ({condition})" if condition else ""
        body = "EXECUTE FUNCTION audit_refuse()" if postgresql else f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        editor.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW {when} {body}")


def drop(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the triggers."""
    postgresql = editor.connection.vendor == "postgresql"
    for table, name, _, _ in _TRIGGERS:
        editor.execute(f"DROP TRIGGER {name} ON {table}" if postgresql else f"DROP TRIGGER {name}")
    if postgresql:
        editor.execute("DROP FUNCTION audit_refuse()")


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
