"""Django's mail backend that stores mail in the outbox."""

from collections.abc import Sequence
from email.utils import parseaddr

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from control.jobs.queue import enqueue
from control.mail.models import OutgoingMail


class OutboxBackend(BaseEmailBackend):
    """Stores mail and asks for the job that sends it, both in the open transaction."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Store the messages; return their number."""
        count = 0
        with transaction.atomic():
            for message in email_messages:
                recipients = [parseaddr(address)[1] for address in message.recipients()]
                if not recipients:
                    continue
                mail = OutgoingMail.objects.create(
                    sender=parseaddr(message.from_email)[1],
                    recipients=recipients,
                    subject=str(message.subject),
                    content=message.message().as_bytes(linesep="\r\n"),
                )
                enqueue("mail.send", {"mail": str(mail.pk)})
                count += 1
        return count
