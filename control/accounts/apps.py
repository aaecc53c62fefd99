"""App of the accounts."""

from django.apps import AppConfig

from control.audit.event_resources import EventResource
from control.notifications.kinds import Category, MailKind, Variable


class AccountsConfig(AppConfig):
    """People and their rights."""

    name = "control.accounts"
    label = "accounts"
    event_resources = (
        EventResource("user", "accounts.User", "control.accounts.api.user_event", prefetched=("seats",)),
        EventResource(
            "invitation", "accounts.Invitation", "control.accounts.api.invitation_out", kinds=("created", "changed")
        ),
    )
    mail_kinds = {
        "invitation": MailKind(
            "Invitation", Category.ACCOUNT,
            variables={
                "who": Variable("person who invites", "Ada Lovelace"),
                "partner": Variable("partner whose portal the invitation is for; empty for operators", "Blue Lagoon"),
                "link": Variable("address that sets the password", "https://partners.example/accounts/invitations/x/"),
                "expires": Variable("time until which the link works", "2026-03-05 09:04"),
            },
        ),
    }  # fmt: skip

    def ready(self) -> None:
        from control.accounts.signals import connect

        connect()
