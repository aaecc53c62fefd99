"""App of the pages' look."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """Templates and template tags. First in the list of apps, so that its templates replace those of libraries."""

    name = "control.ui"
    label = "ui"

    def ready(self) -> None:
        """Use our words in the pages of allauth."""
        from control.ui.wording import use_our_words

        use_our_words()
