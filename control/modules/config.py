"""Configuration of a module, in its app: a line in the list of apps is enough to install it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from django.apps import AppConfig, apps
from django.urls import URLPattern, URLResolver, include, path
from django.utils.module_loading import import_string

from control.accounts.roles import OPERATORS, Action, Area

if TYPE_CHECKING:  # commands and workers need no API
    from ninja import Router


class ModuleConfig(AppConfig):
    """App of a module. docs/design/modules.md shows one; `verbose_name` is its title."""

    default = False
    """Django would take this class, which each module imports, for its app."""
    text: ClassVar[str] = ""
    """One sentence that says what the module does."""
    area: ClassVar[Area | None] = None
    """Area of the rights that its pages need; None if every operator may open them."""
    action: ClassVar[Action] = Action.READ
    needs: ClassVar[tuple[str, ...]] = ()
    """Labels of the modules without which it does not work."""
    starts_on: ClassVar[bool] = True
    """State of the module before anybody has switched it."""
    api_routers: ClassVar[Mapping[str, str]] = {}
    """Dotted paths of routers, by their place in the API: `{"/notes": "control.notes.api.notes"}`."""
    console_urls: ClassVar[str] = ""
    """Dotted path of the module with the URLs of the pages, which are below /console/."""
    portal_urls: ClassVar[str] = ""
    """Dotted path of the module with the URLs of its pages for partners, which are below /portal/."""
    search_kinds: ClassVar[Mapping[str, str]] = {}
    """Dotted paths of what search finds, by the kind of objects: `{"note": "control.notes.search.NOTES"}`."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        cls.default = True

    @property
    def title(self) -> str:
        """Name for people."""
        return str(self.verbose_name)

    def users(self) -> list[str]:
        """Return the roles of operators that may use the module, as people read them."""
        return [
            str(role.label) for role in OPERATORS
            if self.area is None or self.action in OPERATORS[role][self.area].actions
        ]  # fmt: skip

    def page_patterns(self) -> list[URLPattern]:
        """Return the URLs of its pages in the console."""
        return list(import_string(f"{self.console_urls}.urlpatterns")) if self.console_urls else []

    def portal_patterns(self) -> list[URLPattern]:
        """Return the URLs of its pages in the portal."""
        return list(import_string(f"{self.portal_urls}.urlpatterns")) if self.portal_urls else []


def modules() -> list[ModuleConfig]:
    """Return all installed modules."""
    return [app for app in apps.get_app_configs() if isinstance(app, ModuleConfig)]


def module_routers() -> Iterator[tuple[str, "Router"]]:
    """Yield the routers of all installed modules, with their places."""
    for module in modules():
        for place, dotted in module.api_routers.items():
            yield place, import_string(dotted)


def console_patterns() -> list[URLPattern]:
    """Return the URLs of all pages of modules in the console."""
    return [pattern for module in modules() for pattern in module.page_patterns()]


def portal_patterns() -> list[URLPattern]:
    """Return the URLs of all pages of the portal: it is a module itself."""
    return [pattern for module in modules() for pattern in module.portal_patterns()]


def module_urls() -> list[URLPattern | URLResolver]:
    """Return the URLs of the pages of all installed modules."""
    places = [("console/", module.console_urls) for module in modules()]
    places += [("portal/", module.portal_urls) for module in modules()]
    return [path(place, include(dotted)) for place, dotted in places if dotted]
