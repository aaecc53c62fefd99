"""Terms that need the approval of a second person."""

from collections.abc import Iterator

import pytest

from control.accounts.actor import Actor, command_line
from control.accounts.keys import make_key
from control.accounts.people import add_operator
from control.accounts.roles import KeyScope, Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind
from control.configuration import current_configuration, set_configuration
from control.errors import Conflict, Forbidden, Invalid
from control.mail.models import OutgoingMail
from control.partners.services import transition
from control.program.models import Offer, ProgramVersion, RequestState
from control.program.publishing import publish, rollback
from control.program.selectors import version_of
from control.program.services.publish_requests import (
    approve_request,
    ask_to_publish,
    decline_request,
    is_unchanged,
    withdraw_request,
)
from tests.control.program.sample import ANN, lagoon, plan, shoes

sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def demanded() -> Iterator[None]:
    """Administrators and keys need an approval."""
    from dataclasses import replace

    before = current_configuration()
    settings = before.settings.model_copy(update={"publish_approval_roles": "admin, api_key"})
    set_configuration(replace(before, settings=settings))
    yield
    set_configuration(before)


@pytest.fixture
def offer(database: object) -> Offer:
    """An offer that is published with 8 %, and a draft of 9 %."""
    made = shoes()
    plan(made)
    publish(ANN, "first")
    plan(made, percent_e6=9_000_000)
    return made


def person(name: str, role: Role) -> Actor:
    user = add_operator(command_line(), f"{name.lower()}@acme.example", role.value, name)
    return Actor(ActorKind.PERSON, str(user.pk), name, role=role)


@pytest.mark.usefixtures("demanded")
def test_another_person_approves_exactly_what_was_asked_for(offer: Offer) -> None:
    bob, eve = person("Bob", Role.ADMIN), person("Eve", Role.ADMIN)
    with pytest.raises(Forbidden, match="approval of another person"):
        publish(bob)
    request = ask_to_publish(bob, "as agreed in May")
    assert request.diff == ["raises the commission for Shoes from 8 % to 9 %"]
    mails = {tuple(mail.recipients) for mail in OutgoingMail.objects.all()}
    assert mails == {("eve@acme.example",)}
    with pytest.raises(Conflict, match="another person must decide"):
        approve_request(bob, request.pk)
    assert ProgramVersion.objects.count() == 1
    done = approve_request(eve, request.pk)
    version = version_of(ANN)
    assert (done.state, done.version) == (RequestState.APPROVED, version.seq)
    assert (version.author, version.approver, version.reason) == ("Bob", "Eve", "as agreed in May")
    event = AuditEvent.objects.filter(object_type="program.programversion").latest("id")
    assert (event.actor_name, event.after["author"], event.after["approver"]) == ("Eve", "Bob", "Eve")
    assert OutgoingMail.objects.filter(recipients=["bob@acme.example"]).count() == 1
    with pytest.raises(Conflict, match="approved already"):
        approve_request(eve, request.pk)


@sqlite
@pytest.mark.usefixtures("demanded")
def test_what_changes_after_the_request_is_another_request(offer: Offer) -> None:
    bob, eve = person("Bob", Role.ADMIN), person("Eve", Role.OWNER)
    partner = lagoon()
    first = ask_to_publish(bob)
    transition(ANN, partner.number, "suspended", "asked")  # a route: nobody waits for an approval
    assert is_unchanged(first)
    plan(offer, goal="lead", percent_e6=1_000_000)
    assert not is_unchanged(first)
    with pytest.raises(Conflict, match="changed since the request"):
        approve_request(eve, first.pk)
    second = ask_to_publish(bob)
    first.refresh_from_db()
    assert first.state == RequestState.REPLACED
    publish(eve)  # owners publish alone, and the request is about what is no longer in force
    second.refresh_from_db()
    assert second.state == RequestState.REPLACED
    with pytest.raises(Conflict, match="change nothing"):
        ask_to_publish(bob)


@sqlite
@pytest.mark.usefixtures("demanded")
def test_a_rollback_waits_too_and_a_request_is_declined_or_withdrawn(offer: Offer) -> None:
    bob, eve, key = person("Bob", Role.ADMIN), person("Eve", Role.ADMIN), make_key
    publish(command_line(), "by the operator")
    assert version_of(ANN).author == "command line" and version_of(ANN).approver == ""
    with pytest.raises(Forbidden):
        rollback(bob, 1)
    request = ask_to_publish(bob, back_to=1)
    assert request.diff == ["lowers the commission for Shoes from 9 % to 8 %"]
    with pytest.raises(Invalid, match="reason"):
        decline_request(eve, request.pk, " ")
    assert decline_request(eve, request.pk, "not before June").state == RequestState.DECLINED
    again = ask_to_publish(bob, back_to=1)
    with pytest.raises(Forbidden):
        withdraw_request(eve, again.pk)
    assert approve_request(eve, again.pk).version == 3
    assert (version_of(ANN).kind, version_of(ANN).back_to) == ("rolled_back", 1)
    row, _ = key(bob, "shop", KeyScope.ADMIN)
    own = Actor(ActorKind.API_KEY, str(row.pk), "shop", scope=KeyScope.ADMIN)
    plan(offer, percent_e6=7_000_000)
    with pytest.raises(Forbidden):
        publish(own)
    of_key = ask_to_publish(own)
    with pytest.raises(Conflict, match="only a person"):
        approve_request(own, of_key.pk)
    with pytest.raises(Conflict, match="your own"):
        approve_request(bob, of_key.pk)  # the key is his
    assert withdraw_request(own, of_key.pk).state == RequestState.WITHDRAWN
