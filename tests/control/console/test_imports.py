"""Imports in the console, without JavaScript: every step, mistakes next to their column, and the way back."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from control.files import upload as upload_module
from control.imports.models import Import
from control.imports.services import upload
from control.jobs.models import Job
from control.partners.models import Partner
from tests.control.console.installation import Console
from tests.control.ui.pages import injections

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
EVIL = "<script>alert(1)</script>"


def send(browser: Client, text: str, **values: str) -> Any:
    file = SimpleUploadedFile("partners.csv", text.encode())
    return browser.post("/console/imports/new/", {"type": "partners", "file": file, **values})


def page(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert injections(text) == []
    return text


def test_from_the_list_of_partners_to_an_undone_import(console: Console) -> None:
    browser = console.browser("owner")
    assert "/console/imports/new/?type=partners" in page(browser, "/console/partners/")
    assert '<option value="partners" selected>' in page(browser, "/console/imports/new/?type=partners")
    text = f"Who;Stufe;{EVIL}\nNew;Gold;{EVIL}\nBlue Lagoon;Silver;\n;x;\n"
    address = send(browser, text)["Location"]
    shown = page(browser, address)
    assert "Choose a field for each column" in shown and "“;”: 3 rows" in shown and EVIL not in shown
    columns = {"do": "dry-run", "column-0": "name", "column-1": "name", "match": "name"}
    assert "is chosen for two columns" in browser.post(address, columns).content.decode()
    columns |= {"column-1": "tier", "column-2": f"custom:{EVIL}"}
    assert browser.post(address, columns)["Location"] == address
    shown = page(browser, address)
    assert "Apply 2 rows to the partners?" in shown and "Silver" in shown and "is missing" in shown
    assert not Partner.objects.filter(name="New").exists()
    only = page(browser, f"{address}?show=error")
    assert "is missing" in only and "Silver" not in only
    errors = browser.get(f"{address}errors/").getvalue().decode("utf-8-sig")
    assert errors.splitlines() == [f"Who,Stufe,{EVIL},What to correct", ",x,,Name: is missing"]
    assert "Choose a field" in page(browser, f"{address}columns/")
    assert browser.post(address, {"do": "apply", "reason": "Spring"}).status_code == 302
    assert (Partner.objects.get(name="New").custom, Partner.objects.get(name="Blue Lagoon").tier) == (
        {EVIL: EVIL}, "Silver"
    )  # fmt: skip
    assert "Undo this import?" in page(browser, address)
    browser.post(address, {"do": "undo"})
    assert "Undone" in page(browser, address) and not Partner.objects.filter(name="New").exists()
    assert "partners.csv" in page(browser, "/console/imports/")
    again = send(browser, "WHO,stufe\nX,Gold\n")["Location"]
    assert Import.objects.latest("created").mapping == {"name": "WHO", "tier": "stufe"}
    assert browser.post(again, {"do": "delete"})["Location"] == "/console/imports/"
    assert browser.get(again).status_code == 404


def test_mistakes_of_a_file_are_next_to_the_form(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = console.browser("owner")
    assert "has headings and no rows" in send(browser, "name\n").content.decode()
    assert "The submitted file is empty" in send(browser, "").content.decode()
    assert "byte 5 is not utf-8" not in send(browser, "name\nA\n", encoding="utf-8").content.decode()
    address = send(browser, "name,city\nA,B\n")["Location"]
    assert browser.post(address, {"do": "form", "delimiter": ";", "encoding": ""})["Location"] == address
    assert Import.objects.latest("created").headings == ["name,city"]
    refused = browser.post(address, {"do": "dry-run"}).content.decode()
    assert "choose a field for at least one column" in refused
    monkeypatch.setattr(upload_module, "UPLOAD_BYTES_MAX", 10)
    assert "Split it" in send(browser, "name\n" + "A\n" * 20).content.decode()


def test_a_reason_is_asked_for_where_partners_are_stopped(console: Console) -> None:
    browser = console.browser("owner")
    address = send(browser, "name,status\nBlue Lagoon,suspended\n")["Location"]
    browser.post(address, {"do": "dry-run", "column-0": "name", "column-1": "status", "match": "name"})
    assert "This field is required" in browser.post(address, {"do": "apply", "reason": " "}).content.decode()
    browser.post(address, {"do": "apply", "reason": "Fraud"})
    assert Partner.objects.get(name="Blue Lagoon").status == "suspended"


def test_work_of_a_job_shows_its_progress(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control.imports.services.AT_ONCE_ROWS_MAX", 0)
    browser = console.browser("owner")
    found = upload(console.actor("owner"), "partners", "a.csv", [b"name\nA\n"])
    address = f"/console/imports/{found.pk}/"
    browser.post(address, {"do": "dry-run", "column-0": "name", "match": "name"})
    assert "0 of 1 rows" in page(browser, address) and 'hx-trigger="every 2s"' in page(browser, address)
    Job.objects.update(state="dead")
    assert "The work has stopped" in page(browser, address)
    browser.post(address, {"do": "resume"})
    assert "The work has stopped" not in page(browser, address)
