"""Mail in the outbox, as a reader sees it."""

import re
from email import message_from_bytes, policy

from control.mail.models import OutgoingMail


def last_mail(to: str) -> str:
    """Return subject and text of the newest mail to an address."""
    mail = next(mail for mail in OutgoingMail.objects.order_by("-created") if to in mail.recipients)
    message = message_from_bytes(bytes(mail.content), policy=policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    return f"{message['Subject']}\n{body.get_content()}"


def link_in(text: str) -> str:
    """Return the path of the first link."""
    found = re.search(r"https?://[^/\s]+(/\S+)", text)
    assert found is not None, text
    return found[1]
