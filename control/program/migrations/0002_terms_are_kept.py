"""Triggers that keep published plans and coupons: they are ended, never changed and never deleted."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_MESSAGE = "a published row is only ended"
_COLUMNS = {
    "program_plan": (
        "key, offer_id, partner_id, goal, percent_e6, fixed_minor, fixed_currency, hold_us, model, click_window_us, "
        "impression_window_us, conversions_min, valid_from, published_in"
    ),
    "program_coupon": "code, key, offer_id, partner_id, starts, ends, valid_from, published_in",
}


def create(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers."""
    postgresql = editor.connection.vendor == "postgresql"
    if postgresql:
        editor.execute(
            "CREATE FUNCTION program_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
    body = "EXECUTE FUNCTION program_refuse()" if postgresql else f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
    for table, columns in _COLUMNS.items():
        # The columns of SET are not compared: Django's save() writes all of them, changed or not.
        same = " AND ".join(
            f"OLD.{c} {'IS NOT DISTINCT FROM' if postgresql else 'IS'} NEW.{c}" for c in columns.split(", ")
        )
        back = "NEW.state = 'draft' OR (OLD.state = 'ended' AND NEW.state <> 'ended')"
        for name, event, condition in (
            ("changed", "UPDATE", f"OLD.state <> 'draft' AND (NOT ({same}) OR {back})"),
            ("deleted", "DELETE", "OLD.state <> 'draft'"),
        ):
            editor.execute(
                f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH ROW WHEN ({condition}) {body}"
            )


def drop(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the triggers."""
    postgresql = editor.connection.vendor == "postgresql"
    for table in _COLUMNS:
        for name in ("changed", "deleted"):
            editor.execute(f"DROP TRIGGER {table}_{name}" + (f" ON {table}" if postgresql else ""))
    if postgresql:
        editor.execute("DROP FUNCTION program_refuse()")


class Migration(migrations.Migration):
    dependencies = [("program", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
