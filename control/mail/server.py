"""Client of the mail server."""

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from control.address import secret_in
from runtime.control_settings import MailSettings
from runtime.user_error import UserError

_FORMS = "write smtp://user@host:587 or smtps://user@host:465"
_PORTS = {"smtp": 587, "smtps": 465}


class MailNotSent(Exception):
    """The mail server did not take the mail now; another attempt may succeed."""


class MailRefused(Exception):
    """The mail server refused the mail for good."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Address of the mail server."""

    host: str
    port: int
    tls: bool
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_s: int = 20

    def send(self, sender: str, recipients: Sequence[str], content: bytes) -> None:
        """Hand over one mail. Raises MailNotSent, MailRefused."""
        try:
            with self._session() as session:
                session.sendmail(sender, list(recipients), content)
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            kind = MailRefused if all(code >= 500 for code in codes) else MailNotSent
            raise kind(f"the mail server refused the recipient: {sorted(codes)}") from None
        except smtplib.SMTPResponseException as error:
            permanent = error.smtp_code >= 500 and not isinstance(error, smtplib.SMTPAuthenticationError)
            kind = MailRefused if permanent else MailNotSent
            raise kind(f"the mail server answered {error.smtp_code} {_text(error.smtp_error)}") from None
        except (OSError, smtplib.SMTPException) as error:
            raise MailNotSent(f"{self.host}:{self.port} does not take mail: {error}") from None

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        context = ssl.create_default_context()
        session: smtplib.SMTP
        if self.tls:
            session = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_s, context=context)
        else:
            session = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        with session:
            session.ehlo()
            if not self.tls and session.has_extn("starttls"):
                session.starttls(context=context)
                session.ehlo()
            elif not self.tls and self.password and not _is_loopback(self.host):
                raise MailNotSent("the mail server offers no STARTTLS, so the password is not sent; use smtps://")
            if self.user:
                session.login(self.user, self.password)
            yield session


def mail_server(settings: MailSettings) -> MailServer | None:
    """Return the configured server; None if there is none. Raises UserError."""
    if not settings.server:
        return None
    if settings.password is not None and settings.password_file is not None:
        raise UserError("CLEW_MAIL__PASSWORD and CLEW_MAIL__PASSWORD_FILE are both set; unset one")
    file = settings.password_file
    password = secret_in(file, "CLEW_MAIL__PASSWORD_FILE") if file is not None else settings.password or ""
    try:
        url = urlsplit(settings.server)
        port = url.port
    except ValueError:
        raise UserError(f"CLEW_MAIL__SERVER: the port cannot be read; {_FORMS}") from None
    if url.scheme not in _PORTS or not url.hostname or url.path.strip("/") or url.query:
        raise UserError(f"CLEW_MAIL__SERVER is not an address of a mail server; {_FORMS}")
    if url.password:
        raise UserError("CLEW_MAIL__SERVER holds a password; set CLEW_MAIL__PASSWORD or CLEW_MAIL__PASSWORD_FILE")
    return MailServer(
        url.hostname, port or _PORTS[url.scheme], url.scheme == "smtps", unquote(url.username or ""), password,
        settings.timeout_s,
    )  # fmt: skip


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _text(answer: bytes | str) -> str:
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer
