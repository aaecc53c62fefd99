"""App of the numbers."""

from django.apps import AppConfig


class NumbersConfig(AppConfig):
    """One counter for each kind of object."""

    name = "control.numbers"
    label = "numbers"
