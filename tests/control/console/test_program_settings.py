"""Pages of settings: the program's are changed until they are fixed, the installation's are shown without secrets."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control.configuration import current_configuration, set_configuration
from control.console.installation_settings import MASKED, shown_sections
from control.program.load import program_settings
from runtime.oidc_settings import OidcProvider
from runtime.settings import Settings
from tests.control.console.installation import Console, newest_event
from tests.conventions.tree import ROOT

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SENT = {
    "name": "Acme Partners", "currency": "EUR", "timezone": "Europe/Berlin", "fallback_url": "https://shop.example/",
    "trusted_proxies": "10.0.0.0/8", "report_models": "linear", "link_user_id": "untrusted",
}  # fmt: skip


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_settings_are_changed_until_the_first_version_fixes_two(console: Console) -> None:
    browser, address = console.browser("owner"), "/console/settings/program/"
    assert browser.post(address, SENT).status_code == 302
    row = program_settings()
    assert (row.name, row.currency, row.timezone, row.trusted_proxies) == (
        "Acme Partners", "EUR", "Europe/Berlin", ["10.0.0.0/8"]
    )  # fmt: skip
    event = newest_event()
    assert (event.object_type, event.actor_name) == ("program.programsettings", "Owner Person")
    wrong = {
        "currency": "euros",
        "timezone": "Mars/Base",
        "fallback_url": "javascript:alert(1)",
        "report_models": "magic",
    }
    errors = browser.post(address, {**SENT, **wrong}).context["form"].errors
    assert set(errors) == {*wrong}
    console.publish_program()
    assert browser.post(address, {**SENT, "name": "Acme", "currency": "USD"}).status_code == 302
    assert (program_settings().name, program_settings().currency) == ("Acme", "EUR")


def test_the_service_refuses_what_is_fixed(console: Console) -> None:
    from control.errors import Invalid
    from control.program.services.program_settings import change_program_settings

    console.publish_program()
    with pytest.raises(Invalid, match="currency: is fixed"):
        change_program_settings(console.actor("owner"), {"currency": "CHF"})
    assert change_program_settings(console.actor("owner"), {"currency": "USD", "name": "A"}).name == "A"


def test_the_installation_is_shown_without_secrets(console: Console) -> None:
    before = current_configuration()
    web = before.settings.web.model_copy(update={"secret_key": "k" * 40, "url": "https://partners.acme.example"})
    set_configuration(replace(before, settings=before.settings.model_copy(update={"web": web})))
    try:
        page = text_of(console.browser("admin").get("/console/settings/installation/"))
    finally:
        set_configuration(before)
    assert "https://partners.acme.example" in page and "set, not shown" in page and "kkkk" not in page


def test_every_setting_has_its_value_and_source(database: object, tmp_path: Path) -> None:
    settings = Settings(
        publish_approval_roles="admin", log="kafka://me:hunter2@host:9092", warehouse_password_file=tmp_path / "secret"
    )
    environment = {"CLEW_PUBLISH_APPROVAL_ROLES": "admin", "CLEW_LOG": "kafka://me:hunter2@host:9092"}
    found = {one.variable: one for part in shown_sections(settings, environment.get) for one in part.settings}
    listed = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")
    assert len(found) > 100 and all(name in listed for name in found)
    shown = {name: (found[name].value, found[name].source) for name in (
        "CLEW_PUBLISH_APPROVAL_ROLES", "CLEW_LOG", "CLEW_WAREHOUSE_PASSWORD", "CLEW_TERMS_LEAD_S",
        "CLEW_WAREHOUSE_PASSWORD_FILE",
    )}  # fmt: skip
    assert shown == {
        "CLEW_PUBLISH_APPROVAL_ROLES": ("admin", "environment"),
        "CLEW_LOG": (MASKED, "environment"),
        "CLEW_WAREHOUSE_PASSWORD": (MASKED, "file"),
        "CLEW_TERMS_LEAD_S": ("60", "default"),
        "CLEW_WAREHOUSE_PASSWORD_FILE": (str(tmp_path / "secret"), "command line"),
    }
    assert not any("hunter2" in f"{one}" for one in found.values())
    provider = OidcProvider(issuer="https://id.acme.example", client_id="clew", client_secret="hunter2")
    oidc = settings.oidc.model_copy(update={"providers": {"staff": provider}})
    parts = shown_sections(settings.model_copy(update={"oidc": oidc}), {}.get)
    values = {one.variable: one.value for part in parts for one in part.settings}
    assert values["CLEW_OIDC__PROVIDERS__STAFF__CLIENT_SECRET"] == MASKED
    assert values["CLEW_OIDC__PROVIDERS__STAFF__CLIENT_ID"] == "clew"
