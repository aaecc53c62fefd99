"""The two steps of a sign-in: where to send the browser, and who comes back.

What belongs to one sign-in (state, nonce, verifier) waits in the session of the browser that began it and is used once.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib.sessions.backends.base import SessionBase

from control.accounts.models import normal_email
from control.accounts.oidc.errors import AnswerRefused, NotSignedIn, NotWaiting
from control.accounts.oidc.id_token import Claims, checked_claims
from control.accounts.oidc.provider import Provider

_WAITING = "oidc_waiting"
_WAITING_MAX = 5
"""Most sign-ins of one browser under way, in as many tabs."""
_WAITING_AGE_MAX_S = 10 * 60
_TEXT_CHARS_MAX = 4_096
_EMAIL_CHARS_MAX = 254


@dataclass(frozen=True, slots=True)
class Claimed:
    """A person, as a provider describes the person in a checked answer."""

    issuer: str
    subject: str
    email: str
    """Address in the form in which addresses are compared; empty if the provider gives none."""
    is_email_verified: bool
    name: str


def start(provider: Provider, session: SessionBase, redirect_uri: str, next_path: str, now_s: int) -> str:
    """Return the address at the provider to which the browser goes. Raises ProviderUnavailable."""
    endpoint = str(provider.document()["authorization_endpoint"])
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    waiting = [*_waiting(session, now_s), {
        "state": state, "nonce": nonce, "verifier": verifier, "provider": provider.key, "next": next_path, "at": now_s,
    }]  # fmt: skip
    session[_WAITING] = waiting[-_WAITING_MAX:]
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = urlencode({
        "response_type": "code", "client_id": provider.settings.client_id, "redirect_uri": redirect_uri,
        "scope": provider.settings.scopes, "state": state, "nonce": nonce, "code_challenge": challenge,
        "code_challenge_method": "S256",
    })  # fmt: skip
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"


def finish(
    provider: Provider, session: SessionBase, answer: Mapping[str, str], redirect_uri: str, now_s: int
) -> tuple[Claimed, str]:
    """Return the person, and the path to go on to. Raises ProviderUnavailable, AnswerRefused."""
    begun = _take(session, provider.key, answer.get("state", ""), now_s)
    if answer.get("iss", provider.settings.issuer) != provider.settings.issuer:
        raise AnswerRefused("the answer is of another issuer")
    code = answer.get("code", "")
    if "error" in answer or not code or len(code) > _TEXT_CHARS_MAX:
        raise NotSignedIn(f"the provider gave no code: {answer.get('error', '')[:100]!r}")
    tokens = provider.tokens(code, str(begun["verifier"]), redirect_uri)
    claims = checked_claims(
        tokens.get("id_token"), keys=lambda fresh: provider.keys(fresh=fresh), issuer=provider.settings.issuer,
        client_id=provider.settings.client_id, nonce=str(begun["nonce"]),
    )  # fmt: skip
    return _person(provider, claims, tokens.get("access_token")), str(begun["next"])


def _take(session: SessionBase, key: str, state: str, now_s: int) -> dict[str, Any]:
    """Return what a state belongs to, once. Raises AnswerRefused."""
    waiting, given = _waiting(session, now_s), state.encode("utf-8", "replace")
    found = next((one for one in waiting if hmac.compare_digest(str(one["state"]).encode(), given)), None)
    if found is None or found["provider"] != key:
        raise NotWaiting("no sign-in of this browser waits for this answer (state)")
    session[_WAITING] = [one for one in waiting if one is not found]
    return found


def _waiting(session: SessionBase, now_s: int) -> list[dict[str, Any]]:
    return [one for one in session.get(_WAITING, []) if now_s - int(one["at"]) < _WAITING_AGE_MAX_S]


def _person(provider: Provider, claims: Claims, access_token: object) -> Claimed:
    """Read the claims; an address that is not among them is asked for."""
    source = claims
    if not claims.get("email") and isinstance(access_token, str):
        source = provider.claims_of_user(access_token)
        if source.get("sub") != claims["sub"]:
            raise AnswerRefused("the userinfo is of another person")
    email = source.get("email")
    address = normal_email(email) if isinstance(email, str) and len(email) <= _EMAIL_CHARS_MAX else ""
    verified = source.get("email_verified") in (True, "true") or provider.settings.trust_emails
    name = source.get("name")
    return Claimed(
        provider.settings.issuer, claims["sub"], address, bool(address) and verified,
        " ".join(name.split())[:120] if isinstance(name, str) else "",
    )  # fmt: skip
