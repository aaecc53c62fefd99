"""Tables of an empty database, made at once as the last migration leaves them.

One by one, the migrations take a second of CPU time, because Django makes classes of all models again after most
steps. An empty database has no rows that a step would have to carry over. tests/control/test_new_database.py compares
the two ways on both engines.
"""

from collections.abc import Sequence

from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import RunPython, RunSQL
from django.db.migrations.recorder import MigrationRecorder


def is_empty(connection: BaseDatabaseWrapper, executor: MigrationExecutor) -> bool:
    """Return whether a database has no tables but that of migrations, and none of them is applied."""
    tables = set(connection.introspection.table_names())
    return tables <= {MigrationRecorder.Migration._meta.db_table} and not executor.loader.applied_migrations


def create_tables(
    connection: BaseDatabaseWrapper, executor: MigrationExecutor, plan: Sequence[tuple[Migration, bool]]
) -> None:
    """Create all tables in one transaction, and record the migrations as applied.

    What migrations do by code or SQL, such as triggers, is done on the finished tables. Steps that only change rows are
    marked as elidable and left out.
    """
    executor.recorder.ensure_schema()
    state = executor.loader.project_state()
    with connection.schema_editor(atomic=True) as editor:
        for model in state.apps.get_models():
            if model._meta.can_migrate(connection) and router.allow_migrate_model(connection.alias, model):
                editor.create_model(model)
        for migration, _ in plan:
            for operation in migration.operations:
                if isinstance(operation, RunPython | RunSQL) and not operation.elidable:
                    operation.database_forwards(migration.app_label, editor, state, state)
            executor.recorder.record_applied(migration.app_label, migration.name)
