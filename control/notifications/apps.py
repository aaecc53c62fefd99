"""App of the notifications."""

from django.apps import AppConfig

from control.notifications.kinds import Category, MailKind, Variable


class NotificationsConfig(AppConfig):
    """Mails in the language of their reader, and calls to those who listen to changes."""

    name = "control.notifications"
    label = "notifications"
    mail_kinds = {
        "digest.weekly": MailKind(
            "Weekly summary", Category.DIGEST, transactional=False,
            variables={
                "partner": Variable("name of the partner", "Blue Lagoon"),
                "first": Variable("first day of the week", "2 Mar 2026"),
                "last": Variable("last day of the week", "8 Mar 2026"),
                "earned": Variable("earned in the week", "€120.50"),
                "clicks": Variable("clicks in the week", "1,204"),
                "coming": Variable("earned, and not payable yet", "€310.00"),
                "payable": Variable("payable now", "€87.20"),
                "endings": Variable("what ends soon", ("Coupon SPRING10 ends on 31 Mar 2026.",)),
                "link": Variable("address of the portal", "https://partners.example/portal/"),
            },
        ),
    }  # fmt: skip

    def ready(self) -> None:
        from control.audit.record import on_changes
        from control.notifications.events import publish

        on_changes(publish)
