"""Triggers that keep published versions of forms as they are."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_MESSAGE = "a published version of a form never changes"
_TABLE = "custom_forms_formversion"
_EVENTS = {"form_version_changed": "UPDATE", "form_version_deleted": "DELETE"}


def create(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers."""
    postgresql = editor.connection.vendor == "postgresql"
    if postgresql:
        editor.execute(
            "CREATE FUNCTION form_version_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
    body = "EXECUTE FUNCTION form_version_refuse()" if postgresql else f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
    for name, event in _EVENTS.items():
        editor.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {_TABLE} FOR EACH ROW {body}")


def drop(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the triggers."""
    postgresql = editor.connection.vendor == "postgresql"
    for name in _EVENTS:
        editor.execute(f"DROP TRIGGER {name} ON {_TABLE}" if postgresql else f"DROP TRIGGER {name}")
    if postgresql:
        editor.execute("DROP FUNCTION form_version_refuse()")


class Migration(migrations.Migration):
    dependencies = [("custom_forms", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
