"""Signed links of applicants, who have no account: to verify their address, and to their application."""

from uuid import UUID

from django.core import signing
from django.urls import reverse

from control.applications.models import Application
from control.configuration import current_configuration
from control.errors import NotFound

_VERIFY, _STATUS = "applications.verify", "applications.status"
VERIFY_AGE_MAX_S = 14 * 86_400
STATUS_AGE_MAX_S = 730 * 86_400


def verify_address(application: Application) -> str:
    """Return the absolute address that verifies the mail address."""
    return _absolute(application, "apply_verify", _VERIFY)


def status_address(application: Application) -> str:
    """Return the absolute address of the page with the state of the application."""
    return _absolute(application, "apply_status", _STATUS)


def status_path(application: Application) -> str:
    """Return the path of the page with the state of the application."""
    return reverse("apply_status", args=[_token(application, _STATUS)])


def absolute(application: Application, path: str) -> str:
    """Return an absolute address: at the public address of the installation, else at the one the applicant used."""
    return f"{current_configuration().settings.web.url or application.base_url}{path}"


def _absolute(application: Application, page: str, salt: str) -> str:
    return absolute(application, reverse(page, args=[_token(application, salt)]))


def _token(application: Application, salt: str) -> str:
    return signing.dumps(application.pk.hex, salt=salt).replace(":", "~")


def verified_id(token: str) -> UUID:
    """Return the id of the application whose address a link verifies. Raises NotFound."""
    return _id(token, _VERIFY, VERIFY_AGE_MAX_S)


def status_id(token: str) -> UUID:
    """Return the id of the application that a link shows. Raises NotFound."""
    return _id(token, _STATUS, STATUS_AGE_MAX_S)


def _id(token: str, salt: str, age_max_s: int) -> UUID:
    try:
        return UUID(signing.loads(token.replace("~", ":"), salt=salt, max_age=age_max_s))
    except (signing.BadSignature, ValueError, TypeError):
        raise NotFound("the link is not valid, or too old; use the one of the newest mail") from None
