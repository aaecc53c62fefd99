"""Write the migrations that the models of the control plane lack. Run it with `python -m tools.control_migrations`."""

from pathlib import Path

from control.address import SqliteFile
from control.configuration import Configuration
from control.start import start_django
from runtime.settings import load_settings


def main() -> None:
    """Write the files; Django names them on standard output."""
    start_django(Configuration(SqliteFile(Path(":memory:")), load_settings(), "x" * 40))
    from django.core.management import call_command

    call_command("makemigrations", include_header=False)


if __name__ == "__main__":
    main()
