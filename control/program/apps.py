"""App of the program."""

from django.apps import AppConfig


class ProgramConfig(AppConfig):
    """Rows that make the program, and its versions."""

    name = "control.program"
    label = "program"
