"""App of the console."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Adds the pages to the navigation."""

    name = "control.console"
    label = "console"

    def ready(self) -> None:
        from control.console.navigation import add_pages

        add_pages()
