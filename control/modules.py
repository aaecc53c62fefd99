"""Modules: apps that bring pages and resources of the API, and need a line in the list of apps only."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from django.apps import AppConfig, apps
from django.urls import URLPattern, URLResolver, include, path
from django.utils.module_loading import import_string
from ninja import Router


class ModuleConfig(AppConfig):
    """App of a module. docs/design/modules.md shows one."""

    default = False
    """Django would take this class, which each module imports, for its app."""
    api_routers: ClassVar[Mapping[str, str]] = {}
    """Dotted paths of routers, by their place in the API: `{"/notes": "control.notes.api.notes"}`."""
    console_urls: ClassVar[str] = ""
    """Dotted path of the module with the URLs of the pages, which are below /console/."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        cls.default = True


def module_routers() -> Iterator[tuple[str, Router]]:
    """Yield the routers of all installed modules, with their places."""
    for module in _modules():
        for place, dotted in module.api_routers.items():
            yield place, import_string(dotted)


def module_urls() -> list[URLPattern | URLResolver]:
    """Return the URLs of the pages of all installed modules."""
    return [path("console/", include(module.console_urls)) for module in _modules() if module.console_urls]


def _modules() -> Iterator[ModuleConfig]:
    return (app for app in apps.get_app_configs() if isinstance(app, ModuleConfig))
