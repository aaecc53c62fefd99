"""Every way to write an audited row leaves an event in the same transaction."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.db.utils import NotSupportedError

from control.accounts.models import User
from control.audit.audited import AuditedModel
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, Origin, OriginMissing, acting, because

pytestmark = pytest.mark.usefixtures("database")

ANN = Origin(ActorKind.PERSON, "1", "Ann", request_id="r-1", address="10.0.0.1")


@pytest.fixture
def ben() -> User:
    with acting(ANN):
        return User.objects.create_user("ben@shop.example", "correct horse battery", name="Ben")


def _last() -> tuple[str, str, Any, Any]:
    event = AuditEvent.objects.latest("id")
    return event.action, event.object_name, event.before, event.after


def _save(user: User) -> None:
    user.name = "B"
    user.save()


def _save_one_field(user: User) -> None:
    user.name, user.role = "B", "owner"
    user.save(update_fields=["name"])


def _bulk_update(user: User) -> None:
    user.name = "B"
    User.objects.bulk_update([user], ["name"])


WAYS: dict[str, Callable[[User], Any]] = {
    "save": _save,
    "save of one field": _save_one_field,
    "update": lambda user: User.objects.filter(pk=user.pk).update(name="B"),
    "update by the base manager": lambda user: User._base_manager.filter(pk=user.pk).update(name="B"),
    "update by the filtered field": lambda _: User.objects.filter(name="Ben").update(name="B"),
    "bulk_update": _bulk_update,
    "update_or_create": lambda user: User.objects.update_or_create(email=user.email, defaults={"name": "B"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_change_is_recorded_with_before_and_after(way: str, ben: User) -> None:
    with acting(ANN):
        WAYS[way](ben)
    assert AuditEvent.objects.count() == 2
    assert _last() == ("updated", "ben@shop.example", {"name": "Ben"}, {"name": "B"})


def test_an_expression_is_recorded_as_its_value(ben: User) -> None:
    with acting(ANN):
        User.objects.filter(pk=ben.pk).update(name=Concat(F("name"), Value(" Ong")))
    assert _last()[2:] == ({"name": "Ben"}, {"name": "Ben Ong"})


@pytest.mark.parametrize(
    "make",
    [
        lambda: User(email="cy@shop.example").save(),
        lambda: User.objects.create(email="cy@shop.example"),
        lambda: User.objects.get_or_create(email="cy@shop.example"),
        lambda: User.objects.bulk_create([User(email="cy@shop.example")]),
    ],
)
def test_a_new_row_is_recorded(make: Callable[[], Any]) -> None:
    with acting(ANN):
        make()
    event = AuditEvent.objects.get()
    assert (event.action, event.object_type, event.object_name) == ("created", "accounts.user", "cy@shop.example")
    assert event.before is None and event.after["email"] == "cy@shop.example"
    assert event.object_id == str(User.objects.get().pk)


@pytest.mark.parametrize("delete", [lambda user: user.delete(), lambda user: User.objects.all().delete()])
def test_a_deletion_is_recorded(delete: Callable[[User], Any], ben: User) -> None:
    with acting(ANN):
        delete(ben)
    action, _, before, after = _last()
    assert (action, before["name"], after) == ("deleted", "Ben", None)
    assert AuditEvent.objects.count() == 2 and not User.objects.exists()


def test_many_rows_at_once_leave_one_event_each() -> None:
    with acting(ANN):
        User.objects.bulk_create([User(email=f"u{n}@shop.example") for n in range(1_100)])
        assert User.objects.filter(email__startswith="u").update(name="U") == 1_100
    assert AuditEvent.objects.filter(action="created").values("object_id").distinct().count() == 1_100
    assert AuditEvent.objects.filter(action="updated").values("object_id").distinct().count() == 1_100


def test_writes_that_change_nothing_leave_no_event(ben: User) -> None:
    with acting(ANN):
        ben.save()
        User.objects.filter(pk=ben.pk).update(name="Ben")
        User.objects.filter(pk=ben.pk).update(last_login="2026-01-01T00:00:00Z")
    assert AuditEvent.objects.count() == 1


def test_secrets_are_hidden_but_their_change_is_seen(ben: User) -> None:
    with acting(ANN):
        ben.set_password("another horse battery")
        ben.save()
    assert _last()[2:] == ({"password": "(hidden)"}, {"password": "(hidden)"})
    assert not [event for event in AuditEvent.objects.all() if "md5$" in str(event.after)]


def test_who_why_and_which_request_are_recorded(ben: User) -> None:
    with acting(ANN), because("asked by phone"):
        _save(ben)
    event = AuditEvent.objects.latest("id")
    assert (event.actor_kind, event.actor_id, event.actor_name) == ("person", "1", "Ann")
    assert (event.reason, event.request_id, event.address) == ("asked by phone", "r-1", "10.0.0.1")


def test_a_change_without_an_actor_is_refused(ben: User) -> None:
    for write in (_save, WAYS["update"], WAYS["bulk_update"], lambda user: user.delete()):
        with pytest.raises(OriginMissing), transaction.atomic():
            write(ben)
    ben.refresh_from_db()
    assert ben.name == "Ben"


def test_inserts_that_ignore_conflicts_are_refused() -> None:
    with acting(ANN), pytest.raises(NotSupportedError):
        User.objects.bulk_create([User(email="cy@shop.example")], ignore_conflicts=True)


@pytest.mark.parametrize(
    "attack",
    [
        lambda events: events.update(actor_name="Eve"),
        lambda events: events.update(before=None),
        lambda events: events.delete(),
        lambda events: events.update(position=None),
        lambda events: events.update(digest="f" * 64),
    ],
)
def test_the_database_refuses_to_change_an_event(attack: Callable[[Any], Any], ben: User) -> None:
    AuditEvent.objects.update(position=1, digest="0" * 64)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        attack(AuditEvent.objects.all())


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_model_is_audited_or_says_why_not() -> None:
    reasons = {
        "applications.FormDay": "counts visits of an anonymous page",
        "contracts.Acceptance": "is the evidence of a change that is recorded",
        "audit.AuditEvent": "is the trail",
        "audit.AuditDay": "seals the trail",
        "accounts.CacheEntry": "is a cache",
        "api.IdempotentAnswer": "is a copy of an answer",
        "jobs.Job": "is the state of work; people who replay it are recorded",
        "jobs.JobSchedule": "is a time for workers",
        "notifications.Notification": "tells of a change that is recorded",
        "mail.OutgoingMail": "tells of a change that is recorded",
        "numbers.Sequence": "counts; the objects with the numbers are audited",
        "program.ProgramPart": "is content of versions",
        "program.ProgramVersion": "is added only; its publishing is recorded",
        "program.ProgramHead": "points to the newest version",
        "console.SavedView": "is one person's choice of filters",
        "console.BulkChange": "is the state of work; each row that it changes is recorded",
        "distribution.Follower": "is what an edge said of itself",
        "files.StoredFile": "is content of an import or export, which is recorded",
        "files.FileChunk": "is content of a file",
        "imports.Import": "is the state of work; people who start it, and each object that it changes, are recorded",
        "imports.ImportRow": "is the plan of a change of an object that is recorded",
        "imports.KnownHeading": "is a guess for the next file",
        "exports.Export": "is a copy; that it was made is recorded",
        "webhooks.WebhookEvent": "tells of a change that is recorded",
        "webhooks.Delivery": "is the state of work; people who replay it are recorded",
        "webhooks.DeliveryAttempt": "is what a receiver answered",
        "leads.LeadOffer": "is the history of a lead, which is audited",
        "partners.PartnerTransition": "is the history of a column that is audited",
    }
    ours = [model for model in apps.get_models() if model.__module__.startswith("control.")]
    plain = {model._meta.label for model in ours if not issubclass(model, AuditedModel)}
    assert plain == set(reasons)
    for model in ours:
        for field in model._meta.get_fields():
            rule = getattr(field, "remote_field", None) and getattr(field.remote_field, "on_delete", None)
            assert rule not in (models.SET_NULL, models.SET_DEFAULT), f"{model} {field}: such a change is not recorded"
        if issubclass(model, AuditedModel):
            assert model._meta.base_manager_name == "objects", f"{model}: derive Meta from AuditedModel.Meta"
