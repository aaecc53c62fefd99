"""Index on SQLite by which a search reads the texts of all partners, instead of their whole rows.

Not on PostgreSQL: its indexes take at most 2,704 bytes for a row, and the text of a partner may be longer. A migration
that alters a column of the table makes the table again on SQLite, without this index; it has to make it again too.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def create(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Create the index."""
    if editor.connection.vendor == "sqlite":
        editor.execute('CREATE INDEX "partner_by_search" ON "partners_partner" ("search", "number")')


def drop(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the index."""
    if editor.connection.vendor == "sqlite":
        editor.execute('DROP INDEX "partner_by_search"')


class Migration(migrations.Migration):
    dependencies = [("partners", "0007_partnersettings")]
    operations = [migrations.RunPython(create, drop)]
