"""App of the switches of modules."""

from django.apps import AppConfig


class ModulesConfig(AppConfig):
    """Keeps which modules are on."""

    name = "control.modules"
    label = "modules"
