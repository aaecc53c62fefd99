"""App of the program."""

from django.apps import AppConfig

from control.notifications.kinds import Category, MailKind, Variable


class ProgramConfig(AppConfig):
    """Rows that make the program, and its versions."""

    name = "control.program"
    label = "program"
    mail_kinds = {
        "publish_request.waiting": MailKind(
            "Terms wait for approval", Category.SYSTEM,
            variables={
                "who": Variable("person who asks", "Ada Lovelace"),
                "comment": Variable("comment of the person", "as agreed in May"),
                "changes": Variable("changes", ("raises the commission for Shoes from 8 % to 9 %",)),
                "back_to": Variable("version to bring back; empty for new terms", ""),
                "link": Variable("address of the request", "https://partners.example/console/publish/requests/1/"),
            },
        ),
        "publish_request.decided": MailKind(
            "Publish request decided", Category.SYSTEM,
            variables={
                "who": Variable("person who decided", "Grace Hopper"),
                "state": Variable("approved, declined, withdrawn or replaced", "approved"),
                "reason": Variable("reason of the decision", "agreed with finance"),
                "back_to": Variable("version to bring back; empty for new terms", ""),
                "link": Variable("address of the request", "https://partners.example/console/publish/requests/1/"),
            },
        ),
    }  # fmt: skip
