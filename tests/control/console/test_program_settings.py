"""Pages of settings: the program's are changed until they are fixed, the installation's are shown without secrets."""

from dataclasses import replace
from typing import Any

import pytest

from control.configuration import current_configuration, set_configuration
from control.program.load import program_settings
from tests.control.console.conftest import Console, newest_event

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
