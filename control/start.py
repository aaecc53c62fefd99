"""Start of Django in a process: settings by the configuration, then the apps."""

import logging

from django.apps import apps
from django.conf import settings

from control.configuration import Configuration, set_configuration


def start_django(configuration: Configuration, **overrides: object) -> None:
    """Set Django up with a configuration. Does nothing if it is set up already."""
    if apps.ready:
        return
    set_configuration(configuration)
    from control import settings as values  # reads the configuration when it is imported

    named = {name: getattr(values, name) for name in dir(values) if name.isupper() and not name.startswith("_")}
    settings.configure(**{**named, **overrides})
    # Answers of 4xx are counted by metrics; a line for each would let visitors fill the log.
    logging.getLogger("django.request").setLevel(logging.ERROR)
    apps.populate(settings.INSTALLED_APPS)
