"""Invitations: a link by mail that works once, for one address, until it expires."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from control.accounts.actor import Actor, command_line
from control.accounts.invitations import invitations, invite, revoke_invitation
from control.accounts.models import Invitation, Seat, User
from control.accounts.people import add_operator
from control.accounts.roles import PartnerRole, Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, acting
from control.errors import Conflict, Forbidden, Invalid, NotFound
from control.mail.models import OutgoingMail
from control.partners.services import create_partner
from tests.control.accounts.mails import last_mail, link_in

pytestmark = pytest.mark.usefixtures("database")
EMAIL, PASSWORD = "fay@acme.example", "correct horse battery"
ADMIN = Actor(ActorKind.PERSON, "1", "Ada", role=Role.ADMIN)


def _link(token: str) -> str:
    return f"https://partners.example/accounts/invitations/{token}/"


@pytest.fixture
def blue(database: object) -> int:
    return create_partner(command_line(), {"name": "Blue Lagoon"}).number


def _boss(partner: int, role: PartnerRole = PartnerRole.OWNER) -> Actor:
    return Actor(ActorKind.PERSON, "2", "Boss", partner=partner, partner_role=role)


def test_an_invited_operator_sets_a_password_and_is_signed_in(client: Client) -> None:
    invite(ADMIN, " Fay@Acme.example", "finance", None, _link)
    mail = last_mail(EMAIL)
    assert mail.startswith("Invitation to Clew\n") and "Ada invites you." in mail
    link = link_in(mail)
    assert client.get(link).status_code == 200
    weak = client.post(link, {"name": "Fay", "password": "12345"})
    assert weak.status_code == 200 and "too short" in weak.content.decode() and not User.objects.exists()
    answer = client.post(link, {"name": "Fay", "password": PASSWORD})
    assert answer.status_code == 302
    assert client.get("/accounts/sessions/").status_code == 200
    user = User.objects.get()
    assert (user.email, user.name, user.role) == (EMAIL, "Fay", "finance")
    assert client.get(link).status_code == client.post(link, {"name": "Eve", "password": PASSWORD}).status_code == 404
    assert {"accounts.invitation", "accounts.user"} <= set(AuditEvent.objects.values_list("object_type", flat=True))
    token = link.strip("/").rpartition("/")[2]
    assert token not in str(list(Invitation.objects.values())) + str(list(AuditEvent.objects.values()))


def test_an_invited_person_of_a_partner_has_a_seat(blue: int, client: Client) -> None:
    invite(_boss(blue), EMAIL, "member", None, _link)
    mail = last_mail(EMAIL)
    assert "Blue Lagoon" in mail
    client.post(link_in(mail), {"name": "Fay", "password": PASSWORD})
    seat = Seat.objects.get()
    assert (seat.partner_id, seat.role, seat.user.role) == (blue, "member", "")


def test_a_person_who_exists_accepts_after_signing_in(blue: int, client: Client) -> None:
    user = add_operator(command_line(), EMAIL, "finance", "Fay", PASSWORD)
    invite(ADMIN, EMAIL, "finance", blue, _link)
    link = link_in(last_mail(EMAIL))
    assert client.post(link).headers["Location"] == f"/accounts/login/?next={link}"
    client.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    assert client.get(link).status_code == 200 and not Seat.objects.exists()
    assert client.post(link).status_code == 302
    assert Seat.objects.get().user == user


def test_an_invitation_takes_no_role_that_was_given_since(client: Client) -> None:
    invite(ADMIN, EMAIL, "support", None, _link)
    add_operator(command_line(), EMAIL, "owner", "Fay", PASSWORD)
    client.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    answer = client.post(link_in(last_mail(EMAIL)))
    assert answer.status_code == 409 and "already" in answer.content.decode()
    assert User.objects.get(email=EMAIL).role == "owner"


def test_an_invitation_is_for_one_address(blue: int, client: Client) -> None:
    add_operator(command_line(), EMAIL, "finance")
    add_operator(command_line(), "eve@acme.example", "support", "Eve", PASSWORD)
    invite(ADMIN, EMAIL, "owner", blue, _link)
    client.post("/accounts/login/", {"login": "eve@acme.example", "password": PASSWORD})
    answer = client.post(link_in(last_mail(EMAIL)))
    assert answer.status_code == 409 and "another address" in answer.content.decode()
    assert not Seat.objects.exists()


def test_it_ends_when_it_expires_is_revoked_or_made_again(client: Client) -> None:
    first = invite(ADMIN, EMAIL, "finance", None, _link)
    first_link = link_in(last_mail(EMAIL))
    invite(ADMIN, EMAIL, "support", None, _link)
    assert client.get(first_link).status_code == 404
    second = invitations(ADMIN).get(revoked=None)
    second_link = link_in(last_mail(EMAIL))
    assert client.get(second_link).status_code == 200
    revoke_invitation(ADMIN, second.pk)
    assert client.get(second_link).status_code == 404
    for closed in (first, second):
        with pytest.raises(Conflict, match="already"):
            revoke_invitation(ADMIN, closed.pk)
    third = invite(ADMIN, EMAIL, "support", None, _link)
    with acting(ADMIN):
        Invitation.objects.filter(pk=third.pk).update(expires=timezone.now() - timedelta(seconds=1))
    link = link_in(last_mail(EMAIL))
    assert client.get(link).status_code == client.post(link, {"name": "F", "password": PASSWORD}).status_code == 404
    assert not User.objects.exists()


def test_who_may_invite_whom(blue: int) -> None:
    red = create_partner(command_line(), {"name": "Red Rock"}).number
    finance = Actor(ActorKind.PERSON, "3", "Fin", role=Role.FINANCE)
    for actor, role, partner in (
        (finance, "support", None), (ADMIN, "owner", None), (_boss(blue, PartnerRole.ADMIN), "owner", None),
        (_boss(blue, PartnerRole.MEMBER), "member", None),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            invite(actor, EMAIL, role, partner, _link)
    with pytest.raises(NotFound):
        invite(_boss(blue), EMAIL, "member", red, _link)
    for actor, role, partner in ((_boss(blue), "support", None), (ADMIN, "member", None), (ADMIN, "member", 99)):
        with pytest.raises(Invalid):
            invite(actor, EMAIL, role, partner, _link)
    with pytest.raises(Invalid, match="email"):
        invite(ADMIN, "not an address", "support", None, _link)
    assert not OutgoingMail.objects.exists()
    mine = invite(_boss(blue), EMAIL, "owner", None, _link)
    assert list(invitations(_boss(blue))) == [mine] and list(invitations(_boss(red))) == []
    with pytest.raises(NotFound):
        revoke_invitation(_boss(red), mine.pk)
