"""Settings: one variable each, every mistake at once, and nothing taken silently."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from runtime.settings import (
    PREFIX,
    IngestSettings,
    Settings,
    SettingsError,
    child_environment,
    environment_value,
    load_settings,
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """None of ours is set."""
    for name in os.environ:
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    return monkeypatch


def test_defaults_need_nothing() -> None:
    assert load_settings() == Settings()


def test_each_setting_has_its_variable(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CLEW_TRACKER__INFLIGHT_MAX", "7")
    environment.setenv("CLEW_TRACKER__IP_PRIVACY", "truncated")
    environment.setenv("CLEW_CHDB__FSYNC", "false")
    environment.setenv("CLEW_INGEST__GEO_DATABASE", "/geo/city.mmdb")
    environment.setenv("CLEW_KEYS", "/keys.toml")
    environment.setenv("CLEW_API_KEY", "k")
    found = load_settings()
    assert (found.tracker.inflight_max, found.tracker.ip_privacy, found.chdb.fsync) == (7, "truncated", False)
    assert (found.ingest.geo_database, found.keys) == (Path("/geo/city.mmdb"), Path("/keys.toml"))
    assert found.api_key == "k" and "'k'" not in repr(found)
    assert found.eventlog == Settings().eventlog


def test_an_empty_variable_is_none(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CLEW_INGEST__GEO_DATABASE", "")
    environment.setenv("CLEW_KEYS", "")
    assert load_settings() == Settings()


def test_other_variables_are_not_ours(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CLEWLESS", "1")
    environment.setenv("XCLEW_NOPE", "1")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CLEW_NOPE__X", "1", "no such setting"),
        ("CLEW_TRACKERS__INFLIGHT_MAX", "1", "no such setting"),
        ("CLEW_TRACKER__NOPE", "1", "not permitted"),
        ("CLEW_TRACKER__INFLIGHT_MAX", "many", "integer"),
        ("CLEW_TRACKER__INFLIGHT_MAX", "0", "greater than or equal to 1"),
        ("CLEW_INGEST__BATCH_ROWS_MAX", "0", "greater than or equal to 1"),
        ("CLEW_API__QUERY_ROWS_MAX", "-1", "negative"),
        ("CLEW_TRACKER__IP_PRIVACY", "half", "'full' or 'truncated'"),
        ("CLEW_CHDB__FSYNC", "maybe", "boolean"),
        ("CLEW_CHDB__DEDUP_WINDOW_BLOCKS", "100", "1200"),
        ("CLEW_TRACKER", "{", "section"),
        ("CLEW_TRACKER", "{}", "section"),
        ("CLEW_EVENTLOG__QUEUE_ROWS_MAX__MORE", "1", "integer"),
    ],
)
def test_a_mistake_is_told_with_its_variable(environment: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    lines = str(caught.value).splitlines()
    assert len(lines) == 1 and said in lines[0]
    assert lines[0].partition(":")[0] in (name, name.removesuffix("__MORE"))


def test_all_mistakes_are_told_together(environment: pytest.MonkeyPatch) -> None:
    for name in ("CLEW_NOPE__X", "CLEW_EVENTLOG__NOPE", "CLEW_API__QUERY_TIMEOUT_S", "CLEW_INGEST__BATCH_ROWS_MAX"):
        environment.setenv(name, "x")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 4


def test_a_provider_has_variables_of_its_own(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = {"ISSUER": "https://id.acme.example", "CLIENT_ID": "clew", "CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    for name, value in values.items():
        environment.setenv(f"CLEW_OIDC__PROVIDERS__ACME__{name}", value)
    found = load_settings()
    assert found.oidc.providers["acme"].client_id == "clew" and found.oidc.name_of("acme") == "Acme"
    assert found.paths() == {"CLEW_OIDC__PROVIDERS__ACME__CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    for name, value, said in (
        ("ISSUER", "http://id.acme.example", "https address"),
        ("ISSUER", "https://id.acme.example/?x=1", "https address"),
        ("EMAIL_DOMAINS", "acme.example, @lagoon", "@lagoon is not a domain"),
        ("SCOPES", "openid profile", "needs email"),
        ("CLIENT_SECRET", "x", "and not both"),
        ("SECOND_FACTOR", "perhaps", "boolean"),
        ("COLOUR", "red", "not permitted"),
    ):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SettingsError, match=said) as caught:
            patch.setenv(f"CLEW_OIDC__PROVIDERS__ACME__{name}", value)
            load_settings()
        assert str(caught.value).startswith("CLEW_OIDC__PROVIDERS__ACME")


def test_nobody_is_locked_out_by_a_provider_that_is_missing(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CLEW_OIDC__ONLY", "true")
    with pytest.raises(SettingsError, match="set up a provider"):
        load_settings()


def test_settings_do_not_change() -> None:
    found = load_settings()
    with pytest.raises(ValidationError):
        found.tracker.inflight_max = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        IngestSettings(nope=1)  # type: ignore[call-arg]


def test_every_setting_says_what_it_is_and_in_which_unit() -> None:
    for section, field in Settings.model_fields.items():
        members = getattr(type(field.default), "model_fields", {section: field})
        for name, member in members.items():
            assert member.description and member.description.endswith("."), name
            if member.annotation is int:
                units = ("_max", "_ms", "_s", "_blocks", "partitions", "shards", "_factor", "_requests")
                assert name.endswith(units), f"{name} has no unit"


def test_children_get_this_environment_and_more(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OF_THE_PARENT", "1")
    child = child_environment({"OF_THE_CHILD": "2"})
    assert (child["OF_THE_PARENT"], child["OF_THE_CHILD"]) == ("1", "2")
    assert "OF_THE_CHILD" not in os.environ
    assert environment_value("OF_THE_PARENT") == "1" and environment_value("OF_NOBODY") is None


def test_a_secret_of_a_program_may_have_our_prefix(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CLEW_SHOP_SECRET", "x")
    assert load_settings() == Settings()
