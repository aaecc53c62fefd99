"""A second factor that a role demands: until it is set up, only its pages open; a lost one is removed by others."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.utils import timezone
from pydantic import ValidationError

from control.accounts.actor import Actor, command_line
from control.accounts.models import User
from control.accounts.people import add_operator
from control.accounts.roles import Role
from control.accounts.second_factor import PARTNERS_PEOPLE, reset_second_factor
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, acting
from control.configuration import current_configuration, set_configuration
from control.errors import Conflict, Forbidden
from runtime.control_settings import WebSettings
from tests.control.accounts.test_sign_in import _totp

pytestmark = pytest.mark.usefixtures("database")
PASSWORD = "correct horse battery"
DEMAND = "/accounts/second-factor/"


@pytest.fixture
def demand() -> Iterator[Any]:
    """Set the roles that need a second factor, and the grace."""
    before = current_configuration()

    def set_roles(roles: str, grace_s: int = 0) -> None:
        web = before.settings.web.model_copy(update={"second_factor_roles": roles, "second_factor_grace_s": grace_s})
        set_configuration(replace(before, settings=before.settings.model_copy(update={"web": web})))

    yield set_roles
    set_configuration(before)


def signed_in(role: str) -> tuple[User, Client]:
    user = add_operator(command_line(), f"{role}@acme.example", role, role, PASSWORD)
    client = Client(HTTP_HOST="localhost")
    assert client.post("/accounts/login/", {"login": user.email, "password": PASSWORD}).status_code == 302
    return user, client


def test_the_first_owner_sets_it_up_and_is_let_in(database: object, demand: Any) -> None:
    demand("owner, admin")
    _, client = signed_in("owner")
    for path in ("/", "/console/", "/console/people/", "/accounts/profile/", "/accounts/password/change/"):
        assert client.get(path).headers["Location"] == DEMAND, path
    assert client.post("/console/partners/new/", {"name": "x", "status": "active"}).headers["Location"] == DEMAND
    refused = client.get("/api/v1/users")
    assert (refused.status_code, refused.headers["Content-Type"]) == (403, "application/problem+json")
    assert "Authenticator app" in client.get(DEMAND).content.decode()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    assert page.status_code == 200 and "/console/partners/" not in page.content.decode()
    secret = client.session["mfa.totp.secret"]
    client.post("/accounts/2fa/totp/activate/", {"code": _totp(secret)})
    assert client.get("/console/").status_code == 200
    assert client.get(DEMAND).headers["Location"] == "/accounts/2fa/"


def test_recovery_codes_alone_do_not_count_and_other_roles_are_free(database: object, demand: Any) -> None:
    demand("finance")
    finance, client = signed_in("finance")
    with acting(command_line()):
        RecoveryCodes.activate(finance)
    assert client.get("/console/").headers["Location"] == DEMAND
    assert signed_in("support")[1].get("/console/").status_code == 200
    outsider = Client(HTTP_HOST="localhost")
    assert outsider.get("/accounts/login/").status_code == 200


def test_people_of_partners_too(database: object, demand: Any, acting_test: object) -> None:
    demand(PARTNERS_PEOPLE)
    user = User.objects.create_user("pat@lagoon.example", PASSWORD)
    client = Client(HTTP_HOST="localhost")
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    assert client.get("/accounts/sessions/").headers["Location"] == DEMAND


def test_a_new_account_has_the_grace_and_a_notice(database: object, demand: Any) -> None:
    demand("admin", 3_600)
    admin, client = signed_in("admin")
    assert "Set it up before" in client.get("/console/").content.decode()
    with acting(command_line()):
        User.objects.filter(pk=admin.pk).update(created=timezone.now() - timedelta(hours=2))
    assert client.get("/console/").headers["Location"] == DEMAND


def test_a_lost_one_is_removed_by_somebody_who_may(database: object, demand: Any) -> None:
    owner, client = signed_in("owner")
    secret = generate_totp_secret()
    with acting(command_line()):
        TOTP.activate(owner, secret)
        RecoveryCodes.activate(owner)
    admin = Actor(ActorKind.PERSON, "1", "Ada", role=Role.ADMIN)
    with pytest.raises(Forbidden):
        reset_second_factor(admin, owner.pk)
    reset_second_factor(command_line(), owner.pk)
    assert not Authenticator.objects.exists() and client.get("/console/").status_code == 302
    event = AuditEvent.objects.filter(action="reset_second_factor").get()
    assert event.before == {"kinds": ["recovery_codes", "totp"]} and secret not in str(event.before)
    with pytest.raises(Conflict, match="no second factor"):
        reset_second_factor(command_line(), owner.pk)


def test_the_setting_knows_every_role(database: object) -> None:
    names = ",".join([*Role.values, PARTNERS_PEOPLE])
    assert WebSettings(second_factor_roles=names).demanding_roles() == {*Role.values, PARTNERS_PEOPLE}
    with pytest.raises(ValidationError):
        WebSettings(second_factor_roles="owner, boss")
