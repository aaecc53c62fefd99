"""Notifications: lines below the bell of a person, in the language of the person."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.db.models import Count, QuerySet
from django.utils import timezone, translation

from control.accounts.languages import language_of
from control.accounts.models import User
from control.accounts.roles import OPERATORS, Action, Area, Role
from control.notifications.models import Notification

TEXT_CHARS_MAX = 300
PEOPLE_MAX = 200
"""Most people who are told of one change."""
KEPT_MAX = 500
"""Most notifications that are kept for each person."""
AGE_MAX = timedelta(days=90)
COUNT_MAX = 99
"""Largest number that the bell shows."""


def notify(
    people: Iterable[User], kind: str, text: object, values: Mapping[str, object], link: str = "", language: str = ""
) -> None:
    """Store a notification for each of some people, in the open transaction.

    `text` is a lazy translation with placeholders, so that each person reads it in the own language; `language` is for
    people who have chosen none.
    """
    rows = []
    for user in list(people)[:PEOPLE_MAX]:
        with translation.override(language_of(user.locale, "" if user.is_operator else language)):
            written = str(text) % values
        rows.append(Notification(user=user, kind=kind, text=written[:TEXT_CHARS_MAX], link=link))
    Notification.objects.bulk_create(rows)


def people_of_partner(number: int) -> QuerySet[User]:
    """Return the active people of a partner."""
    found: QuerySet[User] = User.objects.filter(is_active=True, role="", seats__partner=number)
    return found.order_by("created")


def operators_who_may(area: Area, action: Action) -> QuerySet[User]:
    """Return the active operators whose role allows an action."""
    roles = [role for role in Role if action in OPERATORS[role][area].actions]
    found: QuerySet[User] = User.objects.filter(is_active=True, role__in=roles)
    return found.order_by("created")


def notifications_of(user: User) -> QuerySet[Notification]:
    """Return the notifications of a person, the newest first."""
    found: QuerySet[Notification] = Notification.objects.filter(user=user)
    return found


def unread_count(user: User) -> int:
    """Return the number of unread notifications, at most one more than the bell shows."""
    return notifications_of(user).filter(read=None)[: COUNT_MAX + 1].count()


def mark_read(user: User, notification_id: int | None = None) -> Notification | None:
    """Mark one notification of a person as read, or all of them; return the one."""
    rows = notifications_of(user)
    if notification_id is not None:
        rows = rows.filter(pk=notification_id)
    rows.filter(read=None).update(read=timezone.now())
    return rows.first() if notification_id is not None else None


def prune() -> int:
    """Delete notifications that are too old, and the oldest of people who have too many; return their number."""
    deleted, _ = Notification.objects.filter(created__lt=timezone.now() - AGE_MAX).delete()
    crowded = Notification.objects.order_by().values("user").annotate(rows=Count("id")).filter(rows__gt=KEPT_MAX)
    for user_id in crowded.values_list("user", flat=True):
        rows = Notification.objects.filter(user=user_id)
        oldest = rows.values_list("pk", flat=True)[KEPT_MAX - 1 : KEPT_MAX].get()
        deleted += rows.filter(pk__lt=oldest).delete()[0]
    return deleted
