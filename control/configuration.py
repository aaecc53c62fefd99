"""Configuration of one process of the control plane, set once before Django starts."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from control.address import ControlAddress, SqliteFile, secret_in
from runtime.files import write_private_once
from runtime.settings import Settings
from runtime.user_error import UNREACHABLE, UserError

SECRET_FILE_NAME = "control.key"
SECRET_CHARS_MIN = 32


@dataclass(frozen=True, slots=True)
class Configuration:
    """Values from which control/settings.py makes Django's settings."""

    address: ControlAddress
    settings: Settings
    secret_key: str = ""
    """Key that signs sessions and links; commands that sign nothing have none."""
    host: str = ""
    """Address that the port is bound to."""
    engine_key: str = field(default="", repr=False)
    """Key of the engine's API; without one the engine is not asked."""
    oidc_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secrets of this installation at its OpenID providers, by the ID of the provider."""


def secret_key(data: Path | None, settings: Settings) -> str:
    """Return the key that signs sessions: a setting, or the file in the data directory, made once. Raises UserError."""
    own, file = settings.web.secret_key, settings.web.secret_key_file
    if own is not None and file is not None:
        raise UserError("CLEW_WEB__SECRET_KEY and CLEW_WEB__SECRET_KEY_FILE are both set; unset one")
    if own is not None:
        return own
    if file is not None:
        return _checked(secret_in(file, "CLEW_WEB__SECRET_KEY_FILE"), f"CLEW_WEB__SECRET_KEY_FILE: {file}")
    if data is None:
        raise UserError(
            "the key that signs sessions is missing: set CLEW_WEB__SECRET_KEY_FILE to a file with the same random text "
            "of at least 32 characters on every server, or give --data DIR"
        )
    path = data / SECRET_FILE_NAME
    if not path.exists():
        _make(path)
    return _checked(secret_in(path, SECRET_FILE_NAME), str(path))


def oidc_secrets(settings: Settings) -> dict[str, str]:
    """Return the secrets of this installation at its OpenID providers, by their ID. Raises UserError."""
    found = {}
    for key, provider in settings.oidc.providers.items():
        name = f"CLEW_OIDC__PROVIDERS__{key.upper()}__CLIENT_SECRET_FILE"
        own, file = provider.client_secret, provider.client_secret_file
        found[key] = own or "" if file is None else secret_in(file, name)
        if not found[key]:
            raise UserError(f"{name}: {file} is empty", UNREACHABLE)
    return found


def _make(path: Path) -> None:
    """Write a new key unless another process has done so; both then read the same one. Raises UserError."""
    try:
        write_private_once(path, secrets.token_urlsafe(48).encode())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}", UNREACHABLE) from None


def _checked(key: str, place: str) -> str:
    if len(key) < SECRET_CHARS_MIN:
        raise UserError(
            f"{place}: the key needs at least {SECRET_CHARS_MIN} characters, it has {len(key)}", UNREACHABLE
        )
    return key


_set: list[Configuration] = []


def set_configuration(configuration: Configuration) -> None:
    """Set the configuration of this process. Call it before control.settings is imported."""
    _set[:] = [configuration]


def current_configuration() -> Configuration:
    """Return the configuration of this process; tools that only read models get an empty database in memory."""
    return _set[0] if _set else Configuration(SqliteFile(Path(":memory:")), Settings.model_construct())
