"""Preferences: which mails a person gets besides those that everybody has to have."""

from collections.abc import Mapping

from django.utils import timezone

from control.accounts.models import User, normal_email
from control.audit.origin import Origin
from control.changes import changing
from control.errors import FieldError, Invalid
from control.notifications.kinds import DEFAULT_ON, Category, mail_kinds
from control.notifications.models import BouncedAddress, MailPreference


def categories_of(user: User) -> list[Category]:
    """Return the categories that a person can choose: those with a mail that nobody has to have."""
    optional = {kind.category for kind in mail_kinds().values() if not kind.transactional}
    ours = [category for category in Category if category in optional]
    return [category for category in ours if category not in _PARTNERS_ONLY or user.seats.exists()]


_PARTNERS_ONLY = {Category.DIGEST}


def preferences_of(user: User) -> dict[Category, bool]:
    """Return the choices of a person, with what counts where nothing was chosen."""
    stored = dict(MailPreference.objects.filter(user=user).values_list("category", "is_on"))
    return {category: stored.get(category, category in DEFAULT_ON) for category in categories_of(user)}


def change_preferences(actor: Origin, user: User, choices: Mapping[str, bool]) -> None:
    """Store choices of a person. Raises Invalid for a category that cannot be chosen."""
    known = categories_of(user)
    if unknown := sorted(set(choices) - set(known)):
        raise Invalid(FieldError("category", f"{unknown[0]} cannot be chosen; choose among {', '.join(known)}"))
    with changing(actor):
        for category, is_on in choices.items():
            store_preference(user, user.email, category, is_on)


def store_preference(user: User | None, email: str, category: str, is_on: bool) -> None:
    """Store one choice, of a person or of an address without an account, in the open transaction."""
    key = {"user": user, "category": category, **({} if user is not None else {"email": normal_email(email)})}
    row = MailPreference.objects.select_for_update().filter(**key).first()
    if row is None:
        MailPreference.objects.create(**key, is_on=is_on)
    elif row.is_on != is_on:
        row.is_on, row.changed = is_on, timezone.now()
        row.save(update_fields=["is_on", "changed"])


def wants_mail(email: str, user: User | None, category: str) -> bool:
    """Return whether a mail that nobody has to have may go to an address."""
    if BouncedAddress.objects.filter(email=normal_email(email)).exists():
        return False
    rows = MailPreference.objects.filter(category=category)
    rows = rows.filter(user=user) if user is not None else rows.filter(user=None, email=normal_email(email))
    chosen = rows.values_list("is_on", flat=True).first()
    return category in DEFAULT_ON if chosen is None else chosen
