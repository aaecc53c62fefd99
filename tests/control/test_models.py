"""Models and migrations agree."""

import pytest
from django.core.management import call_command


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_model_lacks_a_migration(database: object) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
