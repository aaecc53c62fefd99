"""App of the jobs."""

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig, apps

from control.modules.config import ModuleConfig


class JobsConfig(AppConfig):
    """Imports the module `tasks` of every app of the control plane, which registers its tasks."""

    name = "control.jobs"
    label = "jobs"

    def ready(self) -> None:
        for app in apps.get_app_configs():
            if (app.name.startswith("control.") or isinstance(app, ModuleConfig)) and find_spec(f"{app.name}.tasks"):
                import_module(f"{app.name}.tasks")
