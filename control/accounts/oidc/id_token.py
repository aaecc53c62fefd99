"""Check of an ID token: signed by the provider, for this installation, now, for this sign-in."""

import hmac
from collections.abc import Callable
from typing import Any

import jwt

from control.accounts.oidc.errors import AnswerRefused

_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures with a public key: `none`, and keys that both sides know, prove nothing here."""
_CLOCK_DIFFERENCE_MAX_S = 60
_TOKEN_BYTES_MAX = 64 * 1024
_SUBJECT_CHARS_MAX = 255

Claims = dict[str, Any]
Keys = Callable[[bool], list[dict[str, Any]]]
"""Returns the keys of the provider; with True, as it has them now."""


def checked_claims(token: object, *, keys: Keys, issuer: str, client_id: str, nonce: str) -> Claims:
    """Return the claims of an ID token. Raises AnswerRefused."""
    if not isinstance(token, str) or len(token) > _TOKEN_BYTES_MAX:
        raise AnswerRefused("there is no ID token")
    try:
        key = _key_of(jwt.get_unverified_header(token), keys)
        claims: Claims = jwt.decode(
            token, key, algorithms=[key.algorithm_name], audience=client_id, issuer=issuer,
            leeway=_CLOCK_DIFFERENCE_MAX_S, options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise AnswerRefused(f"the ID token is not valid: {type(error).__name__}: {error}"[:300]) from None
    audience = claims["aud"]
    party = claims.get("azp", client_id)
    if party != client_id or (isinstance(audience, list) and len(audience) > 1 and "azp" not in claims):
        raise AnswerRefused("the ID token is for another application too")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode("utf-8", "replace"), nonce.encode()):
        raise AnswerRefused("the ID token is of another sign-in (nonce)")
    subject = claims["sub"]
    if not isinstance(subject, str) or not subject.strip() or len(subject) > _SUBJECT_CHARS_MAX or "\0" in subject:
        raise AnswerRefused("the ID token has no usable subject")
    return claims


def _key_of(header: dict[str, Any], keys: Keys) -> jwt.PyJWK:
    """Return the key that a token names, for its algorithm."""
    algorithm, name = header.get("alg"), header.get("kid")
    if algorithm not in _ALGORITHMS:
        raise AnswerRefused(f"the ID token is signed by {str(algorithm)[:20]}, which is not accepted")
    for fresh in (False, True):  # a provider may have changed its keys a moment ago
        fitting = [key for key in keys(fresh) if _fits(key, str(algorithm), name)]
        if len(fitting) == 1:
            return jwt.PyJWK(fitting[0], algorithm=algorithm)
    raise AnswerRefused("the ID token names no key of the provider")


def _fits(key: dict[str, Any], algorithm: str, name: object) -> bool:
    return (
        key.get("kty") == _KEY_TYPES[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (name is None or key.get("kid") == name)
    )
