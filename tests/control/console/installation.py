"""A small installation: an operator of each role, their browsers, partners of two managers."""

from dataclasses import dataclass, field

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from control.accounts.actor import Actor, command_line
from control.accounts.invitations import invite
from control.accounts.keys import make_key
from control.accounts.models import ApiKey, Invitation, User
from control.accounts.people import add_operator
from control.accounts.roles import Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, acting
from control.console.models import BulkChange
from control.jobs.models import Job, JobState
from control.partners.models import Partner
from control.partners.services import create_partner
from control.program.models import Approval, Coupon, Link, Offer, Plan
from control.program.publishing import publish
from control.program.services.approvals import request_access
from control.program.services.links import create_link
from control.program.services.offers import create_offer
from control.program.services.terms_rows import create_coupon, create_plan

PASSWORD = "correct horse battery"


@dataclass
class Console:
    """A small installation with people of every role."""

    people: dict[str, User] = field(default_factory=dict)
    outsider: User | None = None
    """A person without a role."""
    own: Partner | None = None
    """Partner of the partner manager."""
    foreign: Partner | None = None
    """Partner of nobody."""
    job: Job | None = None
    key: ApiKey | None = None
    bulk: BulkChange | None = None
    invitation: Invitation | None = None

    offer: Offer | None = None
    link: Link | None = None
    plan: Plan | None = None
    coupon: Coupon | None = None
    approval: Approval | None = None

    def publish_program(self) -> None:
        """Make an offer, a link, a plan, a coupon and an approval, and publish them once."""
        assert self.own is not None
        boss = command_line()
        with acting(boss):
            values = {"name": "Shoes", "landing_url": "https://shop.example/?cid={click_id}", "access": "approval"}
            self.offer = create_offer(boss, values, "active")
            self.link = create_link(boss, self.offer.number, self.own.number, "bl-shoes")
            self.plan = create_plan(boss, {"offer": self.offer, "percent_e6": 8_000_000})
            self.coupon = create_coupon(boss, {"code": "LAGOON10", "partner": self.own, "offer": self.offer})
            self.approval = request_access(boss, self.offer.number, self.own.number, "We write about shoes")
            publish(boss, "First version")

    def actor(self, role: str) -> Actor:
        user = self.people[role]
        return Actor(ActorKind.PERSON, str(user.pk), str(user), role=Role(role))

    def browser(self, role: str | None) -> Client:
        """A browser in which a person of the role has signed in; None is the person without a role."""
        user = self.people[role] if role else self.outsider
        assert user is not None
        return signed_in(Client(HTTP_HOST="localhost"), user)


def signed_in(client: Client, user: User) -> Client:
    """Give a browser the session of a person."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    client.cookies["sessionid"] = session.session_key or ""
    return client


def newest_event() -> AuditEvent:
    event = AuditEvent.objects.order_by("-id").first()
    assert event is not None
    return event


def filled_console() -> Console:
    """Make the rows of a small installation."""
    made, boss = Console(), command_line()
    with acting(boss):
        for role in Role:
            made.people[role] = add_operator(boss, f"{role}@acme.example", role, f"{role.label} Person")
        made.outsider = User.objects.create_user("outsider@x.example", "long enough words")
        values = {"email": "team@lagoon.example", "company": "Lagoon GmbH", "custom": {"iban": "DE-secret"}}
        made.own = create_partner(
            boss, {"name": "Blue Lagoon", "manager": made.people["partner_manager"], **values}, "active"
        )
        made.foreign = create_partner(boss, {"name": "Red Rock", "email": "team@rock.example"}, "active")
        made.invitation = invite(boss, "ivy@acme.example", "support", None, "https://acme.example/{}/".format)
        made.key = make_key(boss, "shop", "read")[0]
    made.job = Job.objects.create(task="mail.send", state=JobState.DEAD, attempts=14, error="Boom: no mail")
    made.bulk = BulkChange.objects.create(user=made.people["owner"], list_key="partners", action="tag", state="done")
    return made
