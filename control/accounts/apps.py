"""App of the accounts."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People and their rights."""

    name = "control.accounts"
    label = "accounts"

    def ready(self) -> None:
        from control.accounts.signals import connect

        connect()
