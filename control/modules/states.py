"""States of modules, and the module to which a page or a resource belongs.

Every process reads the switches at most once in `STATES_AGE_MAX_S`, whatever the number of requests. So a switch
counts at once in the process that made it, and within that time in all others.
"""

from collections.abc import Mapping
from functools import lru_cache
from threading import Lock

from django.apps import apps
from django.http import HttpRequest

from control.errors import NotFound
from control.modules.config import ModuleConfig, modules
from control.modules.models import ModuleSwitch
from runtime.clock import Clock, SystemClock

STATES_AGE_MAX_S = 2.0
"""Longest time for which a process goes on with the switches that it has read."""
_ROUTES_KEPT_MAX = 1_024
_API = "api/v1"
_CONSOLE = "console/"
_PORTAL = "portal/"


class ModuleOff(NotFound):
    """The page or the resource belongs to a module that is switched off."""

    def __init__(self, module: ModuleConfig) -> None:
        where = "an owner or administrator can switch it on under Settings, Modules"
        super().__init__(f"the module {module.title} is off; {where}")
        self.module = module


class Switches:
    """The stored switches, as this process has read them. Threads share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, Lock()
        self._read: Mapping[str, bool] = {}
        self._until_s = float("-inf")

    def stored(self) -> Mapping[str, bool]:
        """Return which modules were switched on or off."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            if now_s < self._until_s:
                return self._read
        read = dict(ModuleSwitch.objects.values_list("module", "is_on"))
        with self._lock:
            self._read, self._until_s = read, now_s + STATES_AGE_MAX_S
        return read

    def forget(self) -> None:
        """Read the switches again before the next answer."""
        with self._lock:
            self._until_s = float("-inf")


switches = Switches(SystemClock())


def find_module(label: str) -> ModuleConfig:
    """Return an installed module. Raises NotFound."""
    found = apps.app_configs.get(label)
    if not isinstance(found, ModuleConfig):
        raise NotFound(f"there is no module {label[:40]}")
    return found


def is_on(label: str) -> bool:
    """Return whether a module and all that it needs are on. Raises NotFound."""
    module = find_module(label)
    return switches.stored().get(label, module.starts_on) and all(map(is_on, module.needs))


def require_on(label: str) -> None:
    """Check that a module is on. Raises ModuleOff."""
    if not is_on(label):
        raise ModuleOff(find_module(label))


def require_module_of(request: HttpRequest) -> None:
    """Check that the module of the page or resource that is asked for is on. Raises ModuleOff."""
    match = request.resolver_match
    label = module_of_route(match.route) if match is not None else None
    if label is not None:
        require_on(label)


@lru_cache(maxsize=_ROUTES_KEPT_MAX)
def module_of_route(route: str) -> str | None:
    """Return the label of the module to which a route of Django belongs; None for what is always there."""
    for module in modules():
        places = [f"{_API}{place}" for place in module.api_routers]
        if any(route == place or route.startswith(f"{place}/") for place in places):
            return module.label
        routes = [f"{_CONSOLE}{pattern.pattern}" for pattern in module.page_patterns()]
        if route in (*routes, *(f"{_PORTAL}{pattern.pattern}" for pattern in module.portal_patterns())):
            return module.label
    return None


@lru_cache(maxsize=_ROUTES_KEPT_MAX)
def module_of_page(url_name: str) -> str | None:
    """Return the label of the module that has a page of this name; None for what is always there."""
    for module in modules():
        if any(pattern.name == url_name for pattern in (*module.page_patterns(), *module.portal_patterns())):
            return module.label
    return None


def is_page_on(url_name: str) -> bool:
    """Return whether a page is there: it belongs to no module, or its module is on."""
    label = module_of_page(url_name)
    return label is None or is_on(label)
