"""Public pages of applications: the whole way, protections, frames, and what must never be told."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import signing
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation

from control.applications import deciding, guard
from control.applications.brand import text_color
from control.applications.forms_services import close_form
from control.applications.funnel import funnel
from control.applications.models import Application, ApplicationForm
from control.files.models import StoredFile
from control.files.store import read_chunks
from control.mail.models import OutgoingMail
from control.modules.services import switch_module
from control.partners.services import create_partner
from tests.control.accounts.mails import last_mail, link_in
from tests.control.applications.sample import BOSS, FIELDS, creators
from tests.control.ui.pages import injections

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.parametrize("database", ["sqlite"], indirect=True)]
ANA = {"name": "Ana Berger", "email": "ana@ana-blog.example", "site": "ana-blog.example", "country": "DE"}
PATH = "/apply/creators/"


@pytest.fixture(autouse=True)
def _fresh_limits(database: object) -> Iterator[None]:
    cache.clear()
    yield
    translation.deactivate()


@pytest.fixture
def form() -> ApplicationForm:
    return creators(color="#ffcc00", intro={"en": "We pay <10 %>.", "de": "Wir zahlen."})


def _opened(client: Client, path: str = PATH, age_s: int = 60, **headers: Any) -> str:
    """Open the form some seconds ago; return the signed value."""
    page = client.get(path, **headers).content.decode()
    token = re.search(r'name="cl-opening" value="([^"]+)"', page)
    assert token is not None
    opened = guard.read_opening(token[1], "creators")
    values = {
        "f": opened.slug, "n": opened.nonce, "s": opened.source, "p": opened.referred_by,
        "t": opened.opened.timestamp() - age_s,
    }  # fmt: skip
    return signing.dumps(values, salt=guard._SALT, compress=True)


def _send(client: Client, values: dict[str, Any] | None = None, *, path: str = PATH, **more: Any) -> Any:
    return client.post(path, {**ANA, guard.OPENING: _opened(client, path), **(values or {}), **more})


def test_the_whole_way_without_an_account(form: ApplicationForm, client: Client) -> None:
    partner = create_partner(BOSS, {"name": "Blue"}, "active")
    path = f"{PATH}?utm_campaign=spring&ref={partner.number}"
    page = client.get(path, HTTP_REFERER="https://news.example/").content.decode()
    assert injections(page) == [] and "We pay &lt;10 %&gt;." in page and "Germany" in page
    assert re.search(r'<style nonce="[^"]+">:root\{--cl-brand-own:#ffcc00;--cl-brand-own-text:#000000', page)
    answer = _send(client, path=path)
    assert (answer.status_code, answer["Location"]) == (302, "/apply/creators/thanks/")
    assert "a mail says what comes next" in client.get(answer["Location"]).content.decode()
    application = Application.objects.get()
    assert (application.status, application.referred_by) == ("unverified", partner)
    assert application.source["utm_campaign"] == "spring" and application.website == "https://ana-blog.example"

    link = link_in(last_mail("ana@ana-blog.example"))
    shown = client.get(link).content.decode()
    assert "ana@ana-blog.example" in shown
    application.refresh_from_db()
    assert application.status == "unverified"  # programs open links in mails
    status = client.post(link)["Location"]
    assert client.get(link)["Location"] == status
    assert "We are looking at your application" in client.get(status).content.decode()

    deciding.ask(BOSS, application.pk, "Where <b>do</b> you post?")
    asked = client.get(status).content.decode()
    assert "Where &lt;b&gt;do&lt;/b&gt; you post?" in asked and injections(asked) == []
    assert client.post(status, {"answer": " "}).status_code == 422
    assert client.post(status, {"answer": "On my blog."}).status_code == 302
    assert "On my blog." in client.get(status).content.decode()
    deciding.reject(BOSS, application.pk, "off_topic", "Only hats.")
    rejected = client.get(status).content.decode()
    assert "Only hats." in rejected and "You can apply again from" in rejected and "Withdraw" not in rejected
    assert client.post(status, {"act": "withdraw"}).status_code == 409
    numbers = funnel(form)
    assert (numbers.visited, numbers.started, numbers.submitted, numbers.decided) == (2, 1, 1, 1)


def test_mistakes_are_told_next_to_their_fields_and_answers_stay(form: ApplicationForm, client: Client) -> None:
    answer = _send(client, {"email": "nobody", "site": "javascript:x", "country": "", "name": "Ana"})
    page = answer.content.decode()
    assert answer.status_code == 422 and Application.objects.count() == 0
    assert "Enter an e-mail address" in page and "Enter a web address" in page and "This field is required." in page
    assert 'value="javascript:x"' in page and injections(page) == []


def test_the_answer_is_the_same_for_known_and_unknown_addresses(form: ApplicationForm, client: Client) -> None:
    _send(client)
    client.post(link_in(last_mail("ana@ana-blog.example")))
    known, unknown = _send(client), _send(client, {"email": "new@new.example"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert "is with us already" in last_mail("ana@ana-blog.example")


def test_programs_that_send_forms_are_stopped(form: ApplicationForm, client: Client) -> None:
    assert _send(client, {guard.HONEYPOT: "x"}).status_code == 302
    assert b"very fast" in client.post(PATH, {**ANA, guard.OPENING: _opened(client, age_s=0)}).content
    assert b"open for too long" in client.post(PATH, {**ANA, guard.OPENING: "forged"}).content
    assert Application.objects.count() == 0


def test_a_form_that_is_sent_twice_is_one_application(form: ApplicationForm, client: Client) -> None:
    values = {**ANA, guard.OPENING: _opened(client)}
    assert [client.post(PATH, values).status_code for _ in range(2)] == [302, 302]
    assert Application.objects.count() == 1


def _proof(token: str) -> str:
    nonce = guard.read_opening(token, "creators").nonce
    for number in range(10**6):
        digest = hashlib.sha256(f"{nonce}:{number}".encode()).digest()
        if int.from_bytes(digest[:4]) >> (32 - guard.PROOF_BITS) == 0:
            return str(number)
    raise AssertionError("no proof")


def test_a_network_sends_few_applications_and_more_with_work(
    form: ApplicationForm, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "WITHOUT_PROOF_PER_HOUR_MAX", 2)
    sent = [_send(client, {"email": f"a{number}@a.example"}) for number in range(3)]
    assert [answer.status_code for answer in sent] == [302, 302, 429]
    token = _opened(client)
    assert client.post(PATH, {**ANA, guard.OPENING: token, guard.PROOF: _proof(token)}).status_code == 302
    assert client.post(PATH, {**ANA, guard.OPENING: _opened(client), guard.PROOF: "7"}).status_code == 429
    other = Client(HTTP_HOST="localhost", REMOTE_ADDR="2001:db8::1")
    assert _send(other, {"email": "b@b.example"}).status_code == 302


def test_one_address_gets_few_mails(form: ApplicationForm, client: Client) -> None:
    assert [_send(client).status_code for _ in range(5)] == [302] * 5
    assert OutgoingMail.objects.count() == guard.MAILS_PER_HOUR_MAX


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("", "unknown"),
    ],
)
def test_addresses_are_counted_by_network(address: str, network: str) -> None:
    assert guard.network_of(address) == network


def test_only_the_hosts_of_the_form_may_frame_it(form: ApplicationForm, client: Client) -> None:
    page = client.get(PATH)
    assert page["X-Frame-Options"] == "DENY" and "frame-ancestors 'none'" in page["Content-Security-Policy"]
    creators(slug="framed", embed_hosts=["www.acme.example", "*.acme.example"])
    framed = client.get("/apply/framed/")
    assert "X-Frame-Options" not in framed
    assert "frame-ancestors www.acme.example *.acme.example" in framed["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in client.get("/console/", follow=True)["Content-Security-Policy"]


def test_a_file_is_stored_and_a_wrong_one_refused(client: Client) -> None:
    proof = {"key": "proof", "type": "file", "label": {"en": "Proof"}, "fills": "traffic_proof"}
    creators([*FIELDS, proof])
    wrong = _send(client, {"proof": SimpleUploadedFile("a.pdf", b"MZ")})
    assert wrong.status_code == 422 and StoredFile.objects.count() == 0
    assert _send(client, {"proof": SimpleUploadedFile("a.pdf", b"%PDF-1.7 x")}).status_code == 302
    stored = Application.objects.get().answers["proof"]
    assert (stored["name"], stored["size_bytes"]) == ("a.pdf", 10)
    assert b"".join(read_chunks(StoredFile.objects.get(pk=stored["file"]))) == b"%PDF-1.7 x"


def test_links_that_nobody_has_signed_show_nothing(form: ApplicationForm, client: Client) -> None:
    _send(client)
    verify = link_in(last_mail("ana@ana-blog.example"))
    token = verify.split("/")[-2]
    for path in (f"/apply/status/{token}/", "/apply/status/x/", f"/apply/verify/{token[:-2]}aa/", "/apply/nothing/"):
        assert client.get(path).status_code == 404


def test_pages_follow_the_language_and_the_module(form: ApplicationForm, client: Client) -> None:
    german = client.get(PATH, HTTP_ACCEPT_LANGUAGE="de").content.decode()
    assert "Wir zahlen." in german and "Website" in german and 'lang="de"' in german
    switch_module(BOSS, "applications", False)
    assert client.get(PATH).status_code == 404
    switch_module(BOSS, "applications", True)
    close_form(BOSS, form.pk)
    assert client.get(PATH).status_code == 404


@pytest.mark.parametrize(("color", "text"), [("#ffffff", "#000000"), ("#000000", "#ffffff"), ("#3454d1", "#ffffff")])
def test_texts_on_the_colour_of_a_program_can_be_read(color: str, text: str) -> None:
    assert text_color(color) == text
