"""A form for creators, an applicant, and the site of the applicant."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.utils import timezone

from control.accounts.actor import Actor, command_line
from control.applications.forms_services import create_application_form, publish_fields
from control.applications.models import Application, ApplicationForm
from control.applications.submitting import Submission, open_form, submit
from control.audit.origin import ActorKind, acting
from control.custom_forms.answers import Upload

BOSS = command_line()
NOBODY = Actor(ActorKind.PERSON, name="applicant")
FIELDS: list[dict[str, Any]] = [
    {"key": "site", "type": "url", "label": {"en": "Site", "de": "Website"}, "required": True, "fills": "website"},
    {"key": "country", "type": "country", "label": {"en": "Country"}, "required": True, "fills": "country"},
]
SCORE_RULE = {
    "name": "Good sites", "action": "approve", "conditions": [{"field": "score", "op": "at_least", "values": [20]}],
}  # fmt: skip
SETTINGS = {"slug": "creators", "name": "Creators", "countries": ["DE", "AT"], "words": ["shoes", "running"]}
PAGE = b"<html><title>Ana runs</title><body><script>'hats'</script><p>Running shoes, tested.</p></body></html>"


def creators(fields: list[dict[str, Any]] | None = None, **settings: Any) -> ApplicationForm:
    """Return a published form."""
    form = create_application_form(BOSS, {**SETTINGS, **settings}, {"fields": fields or FIELDS})
    publish_fields(BOSS, form.pk)
    form.refresh_from_db()
    return form


def sent(
    form: ApplicationForm, email: str = "ana@ana-blog.example", *, site: str = "https://ana-blog.example",
    country: str = "DE", **more: Any,
) -> Application | None:  # fmt: skip
    """Apply as Ana."""
    answers = more.pop("answers", {"site": site, "country": country})
    form, version = open_form(form.slug)
    submission = Submission("Ana Berger", email, answers, base_url="https://partners.example", **more)
    return submit(NOBODY, form, version, submission)


def applied() -> Application:
    """Return an application of Ana with a file, which waits for a decision."""
    proof = {"key": "proof", "type": "file", "label": {"en": "Proof"}, "fills": "traffic_proof"}
    answers = {
        "site": "https://ana-blog.example", "country": "DE", "proof": Upload("proof.pdf", b"%PDF-1.7"),
    }  # fmt: skip
    application = sent(creators([*FIELDS, proof], verify_email=False), answers=answers)
    assert application is not None
    return application


def old_applications(form: ApplicationForm, count: int) -> list[Application]:
    """Store applications that wait, as if they had come one after the other; scores rise from 1."""
    version = form.fields.newest()
    assert version is not None
    now = timezone.now()
    rows = [
        Application(
            form=form, version=version, status="new", name=f"Person {number}", email=f"p{number}@old.example",
            country=("DE", "AT", "FR")[number % 3], score=number, submitted=now - timedelta(hours=number),
            started=now - timedelta(hours=number), verified=now, answers={"country": ("DE", "AT", "FR")[number % 3]},
        )
        for number in range(1, count + 1)
    ]  # fmt: skip
    with acting(BOSS):
        return Application.objects.bulk_create(rows)


@contextmanager
def site_of_ana() -> Iterator[int]:
    """A web server on this machine; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(301 if self.path == "/moved" else 200)
            self.send_header("Location", "/")
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_arguments: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
