"""The key that signs sessions is made once, kept private, and never short."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from control.configuration import oidc_secrets, secret_key
from runtime.control_settings import WebSettings
from runtime.oidc_settings import OidcSettings
from runtime.settings import Settings
from runtime.user_error import UserError


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: secret_key(tmp_path / "data", Settings()), range(8)))
    assert len(keys) == 1 and len(keys.pop()) >= 48
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["control.key"]
    assert stat.S_IMODE((tmp_path / "data" / "control.key").stat().st_mode) == 0o600


def test_a_setting_precedes_the_directory(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 40 + "\n")
    assert secret_key(None, Settings(web=WebSettings(secret_key_file=tmp_path / "key"))) == "k" * 40
    assert secret_key(tmp_path, Settings(web=WebSettings(secret_key="v" * 40))) == "v" * 40


def test_errors_say_the_fix(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("short")
    for settings, part in (
        (WebSettings(), "CLEW_WEB__SECRET_KEY_FILE"),
        (WebSettings(secret_key_file=tmp_path / "short"), "at least 32"),
        (WebSettings(secret_key_file=tmp_path / "absent"), "absent cannot be read"),
        (WebSettings(secret_key="v" * 40, secret_key_file=tmp_path / "short"), "both set"),
    ):
        with pytest.raises(UserError, match=part):
            secret_key(None, Settings(web=settings))


def test_secrets_at_providers_are_read_at_the_start(tmp_path: Path) -> None:
    values = {"issuer": "https://id.acme.example", "client_id": "clew", "client_secret_file": tmp_path / "secret"}
    settings = Settings(oidc=OidcSettings.model_validate({"providers": {"acme": values}}))
    with pytest.raises(UserError, match=r"CLEW_OIDC__PROVIDERS__ACME__CLIENT_SECRET_FILE: .*secret cannot be read"):
        oidc_secrets(settings)
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(UserError, match="is empty"):
        oidc_secrets(settings)
    (tmp_path / "secret").write_text("s3cret\n")
    assert oidc_secrets(settings) == {"acme": "s3cret"} and "s3cret" not in repr(settings)
