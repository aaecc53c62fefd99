"""Mails to applicants, in their language. Each has the link to the page of the application."""

from collections.abc import Mapping
from datetime import datetime

from control.applications.links import status_address, verify_address
from control.applications.models import Application
from control.notifications.mails import queue_mail


def mail_verify(application: Application) -> None:
    """Ask the applicant to verify the address."""
    _send("application.verify", application, {"link": verify_address(application)})


def mail_received(application: Application) -> None:
    """Say that the application has arrived."""
    _send("application.received", application, {"link": status_address(application)})


def mail_known(application: Application) -> None:
    """Say, to somebody who applies again, that an application waits already."""
    _send("application.known", application, {"link": status_address(application)})


def mail_too_early(rejected: Application, again_from: datetime | None) -> None:
    """Say, to somebody who was rejected, when the next application is taken."""
    _send("application.too_early", rejected, {"again_from": again_from, "link": status_address(rejected)})


def mail_question(application: Application) -> None:
    """Ask the applicant a question."""
    values = {"question": application.question, "link": status_address(application)}
    _send("application.question", application, values)


def mail_approved(application: Application, link: str) -> None:
    """Say that the application is approved, with the link of the invitation."""
    _send("application.approved", application, {"link": link})


def mail_rejected(application: Application, reason: str, again_from: datetime | None) -> None:
    """Say why the application is rejected, and when one may apply again."""
    values = {"reason": reason, "again_from": again_from, "link": status_address(application)}
    _send("application.rejected", application, values)


def mail_withdrawn(application: Application) -> None:
    """Say that the application is withdrawn."""
    _send("application.withdrawn", application, {})


def _send(kind: str, application: Application, values: Mapping[str, object]) -> None:
    given: dict[str, object] = {"name": application.name, "form": application.form.name, **values}
    queue_mail(kind, application.email, given, locale=application.locale)
