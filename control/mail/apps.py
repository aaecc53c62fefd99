"""App of the mail."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    """The outbox."""

    name = "control.mail"
    label = "mail"
