"""Settings of sign-in by OpenID Connect. runtime/settings.py reads them."""

import re
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from runtime.settings_section import Section

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ID = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_ID_CHARS_MAX = 32


def is_safe_url(url: str) -> bool:
    """Return whether requests to a URL are encrypted, or stay on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_here = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or is_here)


class OidcProvider(Section):
    """One provider."""

    issuer: str = Field(
        description="Address that the provider gives as its issuer, such as https://id.acme.example/realms/staff; "
        "https, except on this machine."
    )
    client_id: str = Field(min_length=1, description="Name of Clew at the provider.")
    client_secret: str | None = Field(None, repr=False, min_length=1, description="Secret of Clew at the provider.")
    client_secret_file: Path | None = Field(None, description="File that holds the secret instead.")
    name: str = Field("", max_length=40, description="Name on the button; the ID unless set.")
    scopes: str = Field(
        "openid email profile",
        pattern=r"^[\x21-\x7e]+( [\x21-\x7e]+)*$",
        description="Scopes to ask for, separated by spaces; openid and email are needed.",
    )
    email_domains: str = Field(
        "", description="Domains of the addresses that may sign in, separated by commas; all unless set."
    )
    trust_emails: bool = Field(
        False,
        description="Take the provider's addresses as verified even if it does not say so. Only for a provider whose "
        "people cannot choose their own address.",
    )
    second_factor: bool = Field(
        False,
        description="Signing in with the provider counts as the second factor, because the provider asks for one.",
    )

    @field_validator("issuer")
    @classmethod
    def _is_issuer(cls, value: str) -> str:
        if not is_safe_url(value) or set(value) & set("?#@ "):
            raise ValueError("must be the https address of the issuer, without query and fragment")
        return value

    @field_validator("scopes")
    @classmethod
    def _has_scopes(cls, value: str) -> str:
        if missing := {"openid", "email"} - set(value.split(" ")):
            raise ValueError(f"needs {' and '.join(sorted(missing))}")
        return value

    @field_validator("email_domains")
    @classmethod
    def _are_domains(cls, value: str) -> str:
        for part in _parts(value):
            if not _DOMAIN.fullmatch(part):
                raise ValueError(f"{part} is not a domain; write domains such as acme.example, separated by commas")
        return value

    @model_validator(mode="after")
    def _has_one_secret(self) -> Self:
        if (self.client_secret is None) == (self.client_secret_file is None):
            raise ValueError("set CLIENT_SECRET or CLIENT_SECRET_FILE, and not both")
        return self

    def domains(self) -> frozenset[str]:
        """Parse `email_domains`."""
        return frozenset(_parts(self.email_domains))


class OidcSettings(Section):
    """Sign-in with a provider by OpenID Connect."""

    providers: dict[str, OidcProvider] = Field(
        {},
        description="The providers, each set by the variables with its ID. The ID is of letters and digits, and is "
        "part of the address that the provider sends people back to: `/accounts/oidc/ID/callback/`.",
    )
    only: bool = Field(
        False,
        description="People sign in with a provider only: no password, code by e-mail or passkey. "
        "`clew user sign-in-link` is the way in if the provider fails.",
    )
    request_timeout_s: int = Field(5, ge=1, le=30, description="Longest time of one request to a provider.")
    answer_bytes_max: int = Field(
        256 * 1024, ge=1_024, description="Largest answer of a provider that is read; larger ones are an error."
    )
    documents_age_max_s: int = Field(
        3_600, ge=1, description="The provider's addresses and keys are read again after this long."
    )
    requests_max: int = Field(
        4, ge=1, description="Most requests of one web process that wait for one provider; more are soon refused."
    )

    @field_validator("providers")
    @classmethod
    def _have_ids(cls, value: dict[str, OidcProvider]) -> dict[str, OidcProvider]:
        for key in value:
            if not _ID.fullmatch(key) or len(key) > _ID_CHARS_MAX:
                raise ValueError(f"{key!r} is not an ID; use up to {_ID_CHARS_MAX} letters and digits")
        issuers = [provider.issuer for provider in value.values()]
        if len(set(issuers)) < len(issuers):
            raise ValueError("two providers have the same issuer")
        return value

    @model_validator(mode="after")
    def _only_with_a_provider(self) -> Self:
        if self.only and not self.providers:
            raise ValueError("only without a provider would let nobody in; set up a provider")
        return self

    def name_of(self, key: str) -> str:
        """Return the name of a provider for people."""
        return self.providers[key].name or key.replace("_", " ").capitalize()


def _parts(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]
