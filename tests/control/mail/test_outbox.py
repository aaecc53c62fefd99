"""Mail is stored in the transaction of the change and handed to a real SMTP server by a job."""

import socketserver
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_string, policy

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.utils import timezone

from control.jobs.models import Job, JobState
from control.jobs.queue import take
from control.jobs.worker import run_job
from control.mail import tasks
from control.mail.models import OutgoingMail
from control.mail.server import MailNotSent, MailServer, mail_server
from control.notifications.kinds import mail_kinds
from control.notifications.mails import queue_mail
from runtime.clock import SystemClock
from runtime.control_settings import JobSettings, MailSettings
from runtime.settings import Settings
from runtime.user_error import UserError

pytestmark = pytest.mark.usefixtures("database", "acting_test")


class _Session(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs; addresses that begin with "no" and "later" are refused."""

    server: "_SmtpServer"

    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline().decode().strip():
            self.server.commands.append(line)
            word = line.split(":")[0].upper()
            if word.startswith("EHLO"):
                self._say("250-test")
                self._say("250 8BITMIME")
            elif word == "RCPT TO":
                self._say("550 no such box" if "<no" in line else "450 busy" if "<later" in line else "250 fine")
            elif word == "DATA":
                self._say("354 go on")
                self.server.received.append(self._content())
                self._say("250 taken")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _content(self) -> str:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.decode())
        return "".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _SmtpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.received: list[str] = []
        self.commands: list[str] = []

    @property
    def address(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def smtp(monkeypatch: pytest.MonkeyPatch) -> Iterator[_SmtpServer]:
    with _SmtpServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        _configure(monkeypatch, server.address)
        yield server
        server.shutdown()
        thread.join()


def _configure(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    class _Configuration:
        settings = Settings(mail=MailSettings(server=address))

    monkeypatch.setattr(tasks, "current_configuration", lambda: _Configuration)


def _send(to: str = "Ann <ann@shop.example>") -> None:
    backend = get_connection("control.mail.backend.OutboxBackend")
    mail = EmailMultiAlternatives("Grüße", "Your code is 123456", "Clew <clew@t.example>", [to], connection=backend)
    mail.attach_alternative("<p>Your code is 123456</p>", "text/html")
    assert mail.send() == 1


def _run_job() -> Job:
    job = take("w", timezone.now() + timedelta(seconds=1), 30)
    assert job is not None
    run_job(job, JobSettings(), SystemClock())
    return Job.objects.get(pk=job.id)


def test_mail_is_sent_and_its_content_forgotten(smtp: _SmtpServer) -> None:
    _send()
    assert smtp.received == [] and b"123456" in bytes(OutgoingMail.objects.get().content)
    assert _run_job().state == JobState.DONE
    assert "To: Ann <ann@shop.example>" in smtp.received[0] and "123456" in smtp.received[0]
    assert "text/html" in smtp.received[0] and "Message-ID:" in smtp.received[0]
    mail = OutgoingMail.objects.get()
    assert mail.sent is not None and bytes(mail.content) == b"" and mail.subject == "Grüße"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_kind_of_mail_reaches_the_server(smtp: _SmtpServer) -> None:
    needed = {name: kind for name, kind in mail_kinds().items() if kind.transactional}
    for name, kind in needed.items():
        values = {key: variable.sample for key, variable in kind.variables.items()}
        assert queue_mail(name, "ann@shop.example", values, locale="ar")
    for _ in needed:
        assert _run_job().state == JobState.DONE
    assert len(smtp.received) == len(needed) > 5
    for content in smtp.received:
        message = message_from_string(content, policy=policy.default)
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        assert not message.defects and message["Auto-Submitted"] == "auto-generated"
        assert all(len(line) <= 998 for line in content.splitlines()), "longest line of RFC 5322"


def test_a_mail_that_was_sent_is_not_sent_again(smtp: _SmtpServer) -> None:
    _send()
    _run_job()
    Job.objects.update(state=JobState.READY)
    assert _run_job().state == JobState.DONE
    assert len(smtp.received) == 1


def test_mail_of_a_change_that_failed_is_not_sent() -> None:
    class _Undone(Exception):
        pass

    with pytest.raises(_Undone), transaction.atomic():
        _send()
        raise _Undone
    assert not OutgoingMail.objects.exists() and not Job.objects.exists()


@pytest.mark.parametrize(("to", "state"), [("no@shop.example", "dead"), ("later@shop.example", "ready")])
def test_a_refusal_for_good_ends_the_job_and_another_is_retried(to: str, state: str, smtp: _SmtpServer) -> None:
    _send(to)
    job = _run_job()
    assert job.state == state and "refused the recipient" in job.error
    assert smtp.received == [] and OutgoingMail.objects.get().sent is None


def test_without_a_server_mail_waits_and_the_error_says_the_setting() -> None:
    _send()
    job = _run_job()
    assert job.state == JobState.READY and "CLEW_MAIL__SERVER" in job.error


def test_a_server_that_does_not_answer_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _configure(monkeypatch, "smtp://127.0.0.1:1")
    _send()
    job = _run_job()
    assert job.state == JobState.READY and "127.0.0.1:1 does not take mail" in job.error


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("smtp://mail.example", MailServer("mail.example", 587, False)),
        ("smtps://mail.example", MailServer("mail.example", 465, True)),
        ("smtp://clew%40x@mail.example:25", MailServer("mail.example", 25, False, "clew@x")),
        ("", None),
    ],
)
def test_addresses(address: str, server: MailServer | None) -> None:
    assert mail_server(MailSettings(server=address)) == server


@pytest.mark.parametrize("address", ["http://x", "smtp://", "smtp://a:x", "smtp://a:b@c", "smtp://a/b"])
def test_mistakes_name_the_setting_and_no_password(address: str) -> None:
    with pytest.raises(UserError, match="CLEW_MAIL__SERVER") as caught:
        mail_server(MailSettings(server=address))
    assert "a:b" not in str(caught.value)


def test_a_password_is_sent_only_encrypted_or_to_this_machine(
    smtp: _SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(smtp.address.rpartition(":")[2])
    monkeypatch.setattr("control.mail.server._is_loopback", lambda _host: False)
    with pytest.raises(MailNotSent, match="STARTTLS"):
        MailServer("127.0.0.1", port, False, "ann", "secret").send("a@x.example", ["b@x.example"], b"text")
    assert not [command for command in smtp.commands if "AUTH" in command]
