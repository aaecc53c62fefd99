"""Identities of people at OpenID providers: who signs in, connecting one, removing one."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.invitations import accept_all_of, open_invitations_of
from control.accounts.models import Identity, User
from control.accounts.oidc.provider import Provider, settings_of_issuer
from control.accounts.oidc.sign_in import Claimed
from control.accounts.people import may_give, people
from control.accounts.roles import Action, Area, Role
from control.audit.origin import acting, current_origin
from control.audit.record import Change, record
from control.changes import changing
from control.configuration import current_configuration
from control.errors import Conflict, Forbidden, NotFound


def person_of(actor: Actor, provider: Provider, claimed: Claimed) -> User:
    """Return the person whom a provider vouches for.

    The first time, the person is found by address and connected, or made by the open invitations of the address. Raises
    Forbidden for anybody else; the message says what to do.
    """
    try:
        with changing(actor):
            return _found(provider, claimed)
    except Forbidden as error:
        with changing(actor):
            _record_refusal(provider, claimed, str(error))
        raise


def _found(provider: Provider, claimed: Claimed) -> User:
    domains = provider.settings.domains()
    if domains and claimed.email.rpartition("@")[2] not in domains:
        raise Forbidden(f"{provider.name} may be used with addresses of {', '.join(sorted(domains))} only")
    identity = Identity.objects.filter(issuer=claimed.issuer, subject=claimed.subject).select_related("user").first()
    if identity is None:
        identity = _connected(provider, claimed)
    if not identity.user.is_active:
        raise Forbidden("this account is disabled; ask an administrator")
    Identity.objects.filter(pk=identity.pk).update(last_used=timezone.now())
    return identity.user


def _connected(provider: Provider, claimed: Claimed) -> Identity:
    """Connect an identity with the person of its address."""
    if not claimed.email:
        raise Forbidden(f"{provider.name} gives no e-mail address, so your account here cannot be found")
    if not claimed.is_email_verified:
        raise Forbidden(
            f"{provider.name} does not say that {claimed.email} is verified; verify the address there first"
        )
    user = User.objects.select_for_update(of=("self",)).filter(email=claimed.email).first()
    if user is None:
        if not open_invitations_of(claimed.email).exists():
            raise Forbidden(f"there is no account for {claimed.email}; ask an administrator for an invitation")
        user = accept_all_of(claimed.email, claimed.name)
    elif not user.is_active:
        raise Forbidden("this account is disabled; ask an administrator")
    elif (other := Identity.objects.filter(user=user, issuer=claimed.issuer).first()) is not None:
        if other.subject == claimed.subject:  # connected by another request a moment ago
            return other
        raise Forbidden(
            f"{claimed.email} is connected with another account at {provider.name}; if the address is yours, ask an "
            "administrator to remove that connection"
        )
    identity = Identity(user=user, issuer=claimed.issuer, subject=claimed.subject, email=claimed.email)
    with acting(replace(current_origin(), id=str(user.pk), name=str(user))):
        identity.save(force_insert=True)
    return identity


def _record_refusal(provider: Provider, claimed: Claimed, why: str) -> None:
    identity = Identity.objects.filter(issuer=claimed.issuer, subject=claimed.subject).select_related("user").first()
    known = identity.user if identity is not None else User.objects.filter(email=claimed.email).first()
    after = {"provider": provider.key, "subject": claimed.subject, "why": why}
    record(
        Change(
            "sign_in_refused", "accounts.user", str(known.pk) if known is not None else "", claimed.email, after=after
        )
    )


def identities_of(user: User) -> Sequence[tuple[Identity, str]]:
    """Return the identities of a person, each with the name of its provider."""
    settings = current_configuration().settings.oidc
    rows = []
    for identity in user.identities.order_by("created"):
        found = settings_of_issuer(identity.issuer)
        rows.append((identity, settings.name_of(found[0]) if found is not None else identity.issuer))
    return rows


def remove_own_identity(actor: Actor, user: User, identity_id: UUID | str) -> None:
    """Disconnect an identity of the person who asks.

    Raises NotFound, and Conflict if no other way to sign in is left.
    """
    with changing(actor):
        locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        identity = _identity(locked, identity_id)
        if not _has_another_way(locked, identity):
            raise Conflict("this is your only way to sign in; set a password or add a passkey first")
        identity.delete()


def remove_identity(actor: Actor, user_id: UUID | str, identity_id: UUID | str) -> None:
    """Disconnect an identity of a person, as an administrator. Raises Forbidden, NotFound."""
    actor.require(Area.PEOPLE, Action.WRITE)
    with changing(actor):
        user = people(actor).select_for_update(of=("self",)).filter(pk=user_id).first()
        if user is None:
            raise NotFound(f"there is no user {user_id}")
        if user.role == Role.OWNER:
            may_give(actor, Role.OWNER)
        _identity(user, identity_id).delete()


def _identity(user: User, identity_id: UUID | str) -> Identity:
    identity = user.identities.filter(pk=identity_id).first()
    if identity is None:
        raise NotFound("this connection was removed already")
    return identity


def _has_another_way(user: User, without: Identity) -> bool:
    """Return whether a person can sign in without an identity."""
    settings = current_configuration().settings
    others = user.identities.exclude(pk=without.pk).values_list("issuer", flat=True)
    if any(settings_of_issuer(issuer) is not None for issuer in others):
        return True
    if settings.oidc.only:
        return False
    has_passkey: bool = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).exists()
    return user.has_usable_password() or has_passkey or bool(settings.mail.server)
