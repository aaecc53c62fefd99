"""Kinds of mails. Each app declares its own, as `mail_kinds` of its AppConfig."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

CATEGORY_CHARS_MAX = 20
KIND_CHARS_MAX = 60


class Category(StrEnum):
    """Subject of mails. A person can do without the mails of a category, except transactional ones."""

    ACCOUNT = "account"
    APPLICATIONS = "applications"
    CONTRACTS = "contracts"
    PROGRAM = "program"
    MONEY = "money"
    SYSTEM = "system"
    DIGEST = "digest"


CATEGORY_TEXTS = {
    Category.ACCOUNT: _("Account and security"),
    Category.APPLICATIONS: _("Applications"),
    Category.CONTRACTS: _("Contracts"),
    Category.PROGRAM: _("Offers, links and news of the program"),
    Category.MONEY: _("Commissions and payouts"),
    Category.SYSTEM: _("Work that waits and systems"),
    Category.DIGEST: _("Weekly summary"),
}
DEFAULT_ON = frozenset(Category) - {Category.DIGEST}
"""Categories whose mails come unless the reader ends them."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that the texts of a mail may name."""

    text: str
    """Description for operators."""
    sample: str | tuple[str, ...]
    """Value for previews; a tuple for a list."""


@dataclass(frozen=True, slots=True)
class MailKind:
    """A kind of mail. Its texts are the templates `mail/KIND.subject.txt` and `mail/KIND.txt` of its app."""

    title: str
    """Name for operators, for example "Application received"."""
    category: str
    transactional: bool = True
    """True for what the reader has to know or has asked for. Other mails can be unsubscribed from."""
    variables: Mapping[str, Variable] = field(default_factory=dict)


class UnknownMailKind(LookupError):
    """No installed app declares the kind of mail."""


def mail_kinds() -> dict[str, MailKind]:
    """Return all kinds of mails, by name."""
    return {name: kind for app in apps.get_app_configs() for name, kind in _kinds_of(app).items()}


def mail_kind(name: str) -> MailKind:
    """Return a kind of mail. Raises UnknownMailKind."""
    for app in apps.get_app_configs():
        if name in _kinds_of(app):
            return _kinds_of(app)[name]
    raise UnknownMailKind(f"no app declares the mail {name}; add it to mail_kinds of its AppConfig")


def _kinds_of(app: AppConfig) -> Mapping[str, MailKind]:
    kinds: Mapping[str, MailKind] = getattr(app, "mail_kinds", {})
    return kinds
