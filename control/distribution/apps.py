"""App of the distribution."""

from django.apps import AppConfig


class DistributionConfig(AppConfig):
    """Followers of the program."""

    name = "control.distribution"
    label = "distribution"
