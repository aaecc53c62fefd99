"""Sign-in with an OpenID provider: a real provider on loopback, the whole way, and what attackers try."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from control.accounts import only_providers_middleware
from control.accounts.actor import command_line
from control.accounts.identities import remove_identity
from control.accounts.invitations import invite, revoke_invitation
from control.accounts.models import Identity, Invitation, User
from control.accounts.oidc import provider as provider_module
from control.accounts.people import add_operator, disable_person
from control.accounts.sign_in_links import make_sign_in_link
from control.audit.models import AuditEvent
from control.audit.origin import acting
from control.configuration import current_configuration, set_configuration
from control.errors import NotFound
from runtime.oidc_settings import OidcSettings
from tests import loopback
from tests.control.accounts.mails import last_mail
from tests.control.accounts.oidc_provider import CLIENT, SECRET, Claims, OidcServer, oidc_server
from tests.control.accounts.test_second_factor import DEMAND

EMAIL, PASSWORD = "ann@acme.example", "correct horse battery"
START, CALLBACK = "/accounts/oidc/acme/", "/accounts/oidc/acme/callback/"
sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def running() -> Iterator[OidcServer]:
    with oidc_server() as server:
        yield server


Configure = Callable[..., None]


@pytest.fixture
def configure(running: OidcServer) -> Iterator[Configure]:
    """Set the provider up, with other settings of the provider and of the section."""
    before = current_configuration()

    def configure(section: dict[str, Any] | None = None, demanding: str = "", **own: Any) -> None:
        values = {"issuer": running.issuer, "client_id": CLIENT, "client_secret": SECRET, "name": "Acme", **own}
        oidc = OidcSettings.model_validate({"providers": {"acme": values}, **(section or {})})
        web = before.settings.web.model_copy(update={"second_factor_roles": demanding})
        settings = before.settings.model_copy(update={"oidc": oidc, "web": web})
        set_configuration(replace(current_configuration(), settings=settings, oidc_secrets={}))

    provider_module._providers.clear()
    configure()
    yield configure
    set_configuration(before)


@pytest.fixture
def server(running: OidcServer, configure: Configure) -> OidcServer:
    running.reset()
    return running


@pytest.fixture
def ann(database: object) -> User:
    return add_operator(command_line(), EMAIL, "owner", "Ann", PASSWORD)


def go(client: Client, after: str = "") -> str:
    """Go to the provider and let it send us back; return the path with the answer."""
    away = client.get(START, {"next": after} if after else {})
    assert away.status_code == 302, away.content.decode()
    back = loopback.get(away.headers["Location"]).headers["Location"]
    return back.removeprefix("http://localhost")


def sign_in(client: Client, after: str = "") -> Any:
    return client.get(go(client, after))


def signed_in(client: Client) -> bool:
    return client.get("/accounts/sessions/").status_code == 200


def refusals() -> list[str]:
    return [event.after["why"] for event in AuditEvent.objects.filter(action="sign_in_refused") if event.after]


def test_a_person_is_connected_by_verified_address_and_found_by_subject(
    client: Client, server: OidcServer, ann: User
) -> None:
    page = client.get("/accounts/login/?next=/accounts/profile/").content.decode()
    assert "Sign in with Acme" in page and f"{START}?next=%2Faccounts%2Fprofile%2F" in page
    session = client.session
    session["planted"] = "by an attacker"
    session.save()
    before = client.cookies["sessionid"].value
    answer = sign_in(client, "/accounts/profile/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/profile/")
    assert client.cookies["sessionid"].value != before and signed_in(client)
    linked, entered = (AuditEvent.objects.get(action=name, actor_id=str(ann.pk)) for name in ("created", "signed_in"))
    assert linked.after is not None and linked.object_type == "accounts.identity"
    assert linked.after["subject"] == "ann-1" and entered.after == {"provider": "acme"}
    stored = str(list(AuditEvent.objects.values())) + str(dict(client.session)) + str(list(Identity.objects.values()))
    assert SECRET not in stored and "access" not in stored.replace("/access", "") and "eyJ" not in stored
    # The address may change at the provider: the subject is the person.
    server.person |= {"email": "ann.new@acme.example", "email_verified": False}
    other = Client(HTTP_HOST="localhost")
    sign_in(other)
    assert signed_in(other) and Identity.objects.count() == 1
    assert server.asked.count("/keys") == server.asked.count("/.well-known/openid-configuration") == 1


@sqlite
def test_an_unknown_person_needs_an_invitation(client: Client, server: OidcServer, ann: User) -> None:
    server.person |= {"sub": "ben-1", "email": "ben@acme.example", "name": "Ben Ray"}
    answer = sign_in(client)
    assert answer.status_code == 403 and "ask an administrator for an invitation" in answer.content.decode()
    assert not User.objects.filter(email="ben@acme.example").exists() and not signed_in(client)
    assert len(refusals()) == 1 and "no account" in refusals()[0]
    invitation = invite(command_line(), "ben@acme.example", "finance", None, lambda token: f"/{token}/")
    revoke_invitation(command_line(), invitation.pk)
    assert sign_in(client).status_code == 403
    invite(command_line(), "ben@acme.example", "finance", None, lambda token: f"/{token}/")
    sign_in(client)
    ben = User.objects.get(email="ben@acme.example")
    assert signed_in(client) and (ben.role, ben.name, ben.has_usable_password()) == ("finance", "Ben Ray", False)
    assert Invitation.objects.get(revoked=None).accepted is not None
    # Without a password or a mail server the connection is the only way in.
    client.post(f"/accounts/identities/{ben.identities.get().pk}/remove/")
    assert ben.identities.exists()


@sqlite
def test_an_address_that_is_not_verified_takes_over_nobody(
    client: Client, server: OidcServer, configure: Configure, ann: User
) -> None:
    for said in (False, None, "false", 0, "yes"):
        server.person |= {"sub": "eve", "email_verified": said}
        answer = sign_in(client)
        assert answer.status_code == 403 and "is verified" in answer.content.decode() and not signed_in(client), said
    del server.person["email_verified"]
    assert sign_in(client).status_code == 403
    configure(trust_emails=True)
    assert sign_in(client).status_code == 302 and signed_in(client)


@sqlite
def test_an_address_that_was_given_to_another_takes_over_nobody(client: Client, server: OidcServer, ann: User) -> None:
    sign_in(client)
    server.person["sub"] = "ann-2"
    other = Client(HTTP_HOST="localhost")
    answer = sign_in(other)
    assert answer.status_code == 403 and "another account at Acme" in answer.content.decode() and not signed_in(other)
    remove_identity(command_line(), ann.pk, ann.identities.get().pk)
    sign_in(other)
    assert signed_in(other) and ann.identities.get().subject == "ann-2"


@sqlite
def test_addresses_of_other_domains_stay_out(
    client: Client, server: OidcServer, configure: Configure, ann: User
) -> None:
    configure(email_domains="lagoon.example, Corp.acme.example")
    answer = sign_in(client)
    assert answer.status_code == 403 and "lagoon.example only" in answer.content.decode()
    configure(email_domains="acme.example")
    assert sign_in(client).status_code == 302


@sqlite
def test_a_disabled_person_stays_out(client: Client, server: OidcServer, ann: User) -> None:
    add_operator(command_line(), "ben@acme.example", "owner")
    sign_in(client)
    disable_person(command_line(), ann.pk)
    assert not signed_in(client)
    assert sign_in(client).status_code == 403 and not signed_in(client)
    assert "disabled" in refusals()[0]
    with acting(command_line()):
        Identity.objects.all().delete()
    assert sign_in(client).status_code == 403 and not Identity.objects.exists()


@sqlite
def test_an_address_outside_of_the_token_is_asked_for(client: Client, server: OidcServer, ann: User) -> None:
    server.userinfo = {"sub": "someone else", "email": EMAIL, "email_verified": True}
    server.person = {"sub": "ann-1"}
    assert sign_in(client).status_code == 400 and not signed_in(client)
    server.userinfo["sub"] = "ann-1"
    sign_in(client)
    assert signed_in(client)


def _for_another(claims: Claims) -> Claims:
    return claims | {"aud": "another application"}


WRONG_CLAIMS: dict[str, Callable[[Claims], Claims]] = {
    "nonce": lambda claims: claims | {"nonce": "of another sign-in"},
    "no nonce": lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
    "audience": _for_another,
    "audiences": lambda claims: claims | {"aud": [CLIENT, "another application"]},
    "party": lambda claims: claims | {"azp": "another application"},
    "issuer": lambda claims: claims | {"iss": "https://other.example"},
    "expired": lambda claims: claims | {"exp": claims["iat"] - 120},
    "future": lambda claims: claims | {"iat": claims["iat"] + 3_600},
    "no subject": lambda claims: {name: value for name, value in claims.items() if name != "sub"},
    "empty subject": lambda claims: claims | {"sub": " "},
    "subject is a number": lambda claims: claims | {"sub": 7},
}


@sqlite
def test_tokens_that_prove_nothing(client: Client, server: OidcServer, ann: User) -> None:
    for name, change in WRONG_CLAIMS.items():
        server.change = change
        answer = sign_in(client)
        assert answer.status_code == 400 and "Start again" in answer.content.decode(), name
        assert not signed_in(client) and not Identity.objects.exists(), name
    server.change = dict
    foreign = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    signers: dict[str, Callable[[Claims], str]] = {
        "none": lambda claims: jwt.encode(claims, None, "none", headers={"kid": "1"}),  # type: ignore[arg-type]
        "symmetric": lambda claims: jwt.encode(claims, SECRET, "HS256", headers={"kid": "1"}),
        "foreign key": lambda claims: jwt.encode(claims, foreign, "RS256", headers={"kid": "1"}),
        "unknown key": lambda claims: jwt.encode(claims, foreign, "RS256", headers={"kid": "2"}),
        "cut": lambda claims: server.signed(claims)[:-9],
        "no token": lambda claims: "",
    }
    for name, sign in signers.items():
        server.sign = sign
        assert sign_in(client).status_code == 400 and not signed_in(client), name
    server.sign = server.signed
    assert sign_in(client).status_code == 302 and signed_in(client)


@sqlite
def test_answers_that_were_not_asked_for(client: Client, server: OidcServer, ann: User) -> None:
    stranger = Client(HTTP_HOST="localhost")
    back = go(client)
    assert stranger.get(back).status_code == 400 and not signed_in(stranger), "the state is of another browser"
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    for wrong in ({"state": "x"}, {"state": ""}, {"iss": "https://other.example"}):
        again = go(client)
        mixed = {name: values[0] for name, values in parse_qs(urlsplit(again).query).items()} | wrong
        assert client.get(CALLBACK, mixed).status_code == 400 and not signed_in(client), wrong
    assert client.get(CALLBACK, {"error": "access_denied", "state": query["state"]}).status_code == 400
    assert client.get(back).status_code == 400 and not signed_in(client), "the state was used"
    # A code counts once, for the sign-in that it was made for.
    stolen, own = go(client), go(stranger)
    code = parse_qs(urlsplit(stolen).query)["code"][0]
    state = parse_qs(urlsplit(own).query)["state"][0]
    assert stranger.get(CALLBACK, {"code": code, "state": state}).status_code == 400 and not signed_in(stranger)
    back = go(client)
    assert client.get(back).status_code == 302
    client.post("/accounts/logout/")
    assert client.get(back).status_code == 400 and not signed_in(client)
    for target in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
        assert sign_in(client, target).headers["Location"] == "/", target
    assert client.get("/accounts/oidc/nowhere/").status_code == 404 and client.post(START).status_code == 405


@sqlite
def test_a_provider_that_fails_is_named(client: Client, server: OidcServer, configure: Configure, ann: User) -> None:
    def fails(**own: Any) -> None:
        configure(**own)
        answer = client.get(START)
        assert answer.status_code == 503 and "Acme cannot be reached now" in answer.content.decode()

    fails(issuer="http://127.0.0.1:9")
    server.document = {"issuer": "https://other.example"}
    fails(name="Acme")
    server.document = {"token_endpoint": "http://elsewhere.example/token"}
    fails(client_id="another")
    server.document, server.body = {}, b"x" * 20_000
    fails(section={"answer_bytes_max": 10_000})
    server.body = b"[]"
    fails(section={"answer_bytes_max": 10_001})
    server.body = None
    configure(client_secret="wrong")
    assert sign_in(client).status_code == 503 and not signed_in(client)


@sqlite
def test_the_second_factor_is_asked_for_unless_the_provider_counts(
    server: OidcServer, configure: Configure, ann: User
) -> None:
    for counts in (False, True):
        configure(demanding="owner", second_factor=counts)
        other = Client(HTTP_HOST="localhost")
        sign_in(other)
        page = other.get("/console/")
        assert page.status_code == 200 if counts else page.headers["Location"] == DEMAND
    with acting(command_line()):
        TOTP.activate(ann, generate_totp_secret())
    for counts in (False, True):
        configure(second_factor=counts)
        other = Client(HTTP_HOST="localhost")
        answer = sign_in(other)
        assert signed_in(other) is counts
        assert counts or answer.headers["Location"].startswith("/accounts/2fa/authenticate/")


@sqlite
def test_only_the_provider_and_the_way_back(
    client: Client, server: OidcServer, configure: Configure, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure({"only": True})
    page = client.get("/accounts/login/").content.decode()
    assert "Sign in with Acme" in page and 'type="password"' not in page and "passkey" not in page
    client.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    assert not signed_in(client)
    for path in ("login/code/", "password/reset/", "2fa/webauthn/login/"):
        assert client.get(f"/accounts/{path}").headers["Location"] == "/accounts/login/", path
    monkeypatch.setattr(only_providers_middleware, "_CLOSED", ())  # as if a path had been forgotten
    client.post("/accounts/login/code/", {"email": EMAIL})
    code = re.search(r"\b([A-Z0-9]{4}-[A-Z0-9]{4})\b", last_mail(EMAIL))
    assert code is not None
    client.post("/accounts/login/code/confirm/", {"code": code[1]})
    assert not signed_in(client)
    sign_in(client)
    assert signed_in(client)
    identity = ann.identities.get()
    assert "Acme" in client.get("/accounts/profile/").content.decode()
    client.post(f"/accounts/identities/{identity.pk}/remove/")
    assert ann.identities.exists(), "it is the only way"
    configure()
    client.post(f"/accounts/identities/{identity.pk}/remove/")
    assert not ann.identities.exists()
    configure({"only": True})
    link = make_sign_in_link(command_line(), EMAIL)
    first, second = Client(HTTP_HOST="localhost"), Client(HTTP_HOST="localhost")
    assert first.get(link).status_code == second.get(link).status_code == 200 and not signed_in(first)
    first.post(link)
    second.post(link)
    assert signed_in(first) and not signed_in(second)
    assert second.get(link).status_code == 404
    with pytest.raises(NotFound):
        make_sign_in_link(command_line(), "nobody@acme.example")


@sqlite
def test_identities_are_seen_and_removed_by_administrators(client: Client, server: OidcServer, ann: User) -> None:
    sign_in(client)
    page = f"/console/people/{ann.pk}/"
    assert "Connected accounts" in client.get(page).content.decode()
    address = f"{page}identities/{ann.identities.get().pk}/"
    assert "does not sign in as Ann" in client.get(address).content.decode()
    client.post(address)
    assert not ann.identities.exists()
    events = AuditEvent.objects.filter(object_type="accounts.identity").values_list("action", "actor_name")
    assert list(events) == [("created", "Ann"), ("deleted", "Ann")]


@sqlite
def test_a_person_who_may_not_manage_people_removes_no_connection(
    client: Client, server: OidcServer, ann: User
) -> None:
    sign_in(client)
    analyst = add_operator(command_line(), "lea@acme.example", "analyst", "Lea", PASSWORD)
    other = Client(HTTP_HOST="localhost")
    other.post("/accounts/login/", {"login": analyst.email, "password": PASSWORD})
    identity = ann.identities.get()
    assert other.post(f"/console/people/{ann.pk}/identities/{identity.pk}/").status_code == 403
    other.post(f"/accounts/identities/{identity.pk}/remove/")
    assert ann.identities.exists()
