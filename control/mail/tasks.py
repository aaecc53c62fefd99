"""Tasks of the mail."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from control.configuration import current_configuration
from control.jobs.registry import GiveUp, JobRun, task
from control.mail.models import OutgoingMail
from control.mail.server import MailNotSent, MailRefused, mail_server
from runtime import metrics

_ATTEMPTS_MAX = 14
"""With pauses up to an hour, a mail server may be unavailable for most of a day."""


@task("mail.send", attempts_max=_ATTEMPTS_MAX)
def send(_run: JobRun, arguments: Mapping[str, Any]) -> None:
    """Hand one mail to the server. Raises MailNotSent, GiveUp.

    A crash between the server's answer and the commit sends it twice, with the same Message-ID.
    """
    mail = OutgoingMail.objects.get(pk=arguments["mail"])
    if mail.sent is not None:
        return
    server = mail_server(current_configuration().settings.mail)
    if server is None:
        raise MailNotSent("no mail server is configured; set CLEW_MAIL__SERVER")
    try:
        server.send(mail.sender, mail.recipients, bytes(mail.content))
    except MailRefused as error:
        metrics.count("clew_mails_total", outcome="refused")
        raise GiveUp(str(error)) from None
    OutgoingMail.objects.filter(pk=mail.pk).update(sent=timezone.now(), content=b"")
    metrics.count("clew_mails_total", outcome="accepted")
