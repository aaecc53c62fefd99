"""The API of imports: upload, dry run, rows, application, undo; keys, repetitions, limits."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from control.files import upload as upload_module
from control.imports.models import Import
from control.partners.models import Partner
from tests.control.api.conftest import Api, api

__all__ = ["api"]
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
Make = Callable[..., Api]


def test_an_import_from_upload_to_undo(api: Make) -> None:
    client = api("write")
    form: dict[str, Any] = {"type": "partners", "file": "Who;Level\nBlue;Gold\n=cmd;\n;x\n",
                            "mapping": json.dumps({"name": "Who", "tier": "Level"})}  # fmt: skip
    status, made, _ = client.upload("/imports", form, **{"Idempotency-Key": "once"})
    assert (status, made["state"], made["rows"], made["match"]) == (201, "uploaded", 3, "name")
    assert made["form"] == {"kind": "csv", "encoding": "utf-8", "delimiter": ";", "sheet": ""}
    assert client.upload("/imports", form, **{"Idempotency-Key": "once"})[1] == made
    assert client.upload("/imports", form | {"type": "offers"}, **{"Idempotency-Key": "once"})[0] == 409
    address = f"/imports/{made['id']}"
    status, checked, _ = client("POST", f"{address}/dry-run")
    assert (status, checked["state"], checked["counts"]["created"], checked["counts"]["error"]) == (
        200, "checked", 2, 1
    )  # fmt: skip
    assert [row["outcome"] for row in checked["first_rows"]] == ["created", "created", "error"]
    assert checked["first_rows"][0]["changes"] == [
        {"field": "name", "before": "", "after": "Blue"}, {"field": "tier", "before": "", "after": "Gold"},
    ]  # fmt: skip
    assert client("GET", f"{address}/rows?outcome=error")[1]["items"] == [
        {"row": 4, "outcome": "error", "state": "waiting", "id": "", "name": "", "changes":
            [{"field": "tier", "before": "", "after": "x"}],
         "errors": [{"field": "name", "message": "is missing"}]},
    ]  # fmt: skip
    first = client("GET", f"{address}/rows?limit=2")[1]
    assert [row["row"] for row in client("GET", f"{address}/rows?cursor={first['next']}")[1]["items"]] == [4]
    status, applied, _ = client("POST", f"{address}/apply", {"reason": "Spring"})
    assert (status, applied["state"], applied["counts"]["applied"]) == (200, "applied", 2)
    assert [*Partner.objects.values_list("name", flat=True)] == ["Blue", "=cmd"]
    assert client("POST", f"{address}/apply")[0] == 409
    assert client("POST", f"{address}/undo")[1]["counts"]["undone"] == 2
    assert client("GET", "/imports?state=undone")[1]["items"][0]["id"] == made["id"]
    assert client("DELETE", address)[0] == 204 and client("GET", address)[0] == 404


def test_answers_name_the_version_that_was_published(api: Make) -> None:
    client = api()
    assert client("POST", "/program-versions/publish", {"reason": "first"})[2]["Clew-Program-Version"] == "1"
    _, made, _ = client.upload("/imports", {"type": "partners", "file": "name,status\nBlue,active\n"})
    address = f"/imports/{made['id']}"
    assert "Clew-Program-Version" not in client("POST", f"{address}/dry-run")[2]
    assert client("POST", f"{address}/apply")[2]["Clew-Program-Version"] == "2"
    assert client("POST", f"{address}/undo")[2]["Clew-Program-Version"] == "3"


def test_settings_change_with_the_etag_of_the_import(api: Make) -> None:
    client = api("write")
    _, made, answer = client.upload("/imports", {"type": "partners", "file": "name,Grösse\nA,1\n".encode("cp1252")})
    assert made["form"]["encoding"] == "windows-1252" and made["headings"][1] == "Grösse"
    address, tag = f"/imports/{made['id']}", answer["ETag"]
    status, changed, _ = client("PATCH", address, {"mapping": {"name": "name", "tier": "Grösse"}}, **{"If-Match": tag})
    assert (status, changed["mapping"]) == (200, {"name": "name", "tier": "Grösse"})
    assert client("PATCH", address, {"clear_empty": True}, **{"If-Match": tag})[0] == 412
    status, problem, _ = client("PATCH", address, {"mapping": {"x": "y"}}, **{"If-Match": "*"})
    assert (status, problem["errors"]) == (
        422, [{"field": "mapping.x", "message": "is not a field of partners"}]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"type": "partners"}, "file"),
        ({"type": "ships", "file": "name\nA\n"}, "type"),
        ({"type": "partners", "file": ""}, "file"),
        ({"type": "partners", "file": "name\n"}, "file"),
        ({"type": "partners", "file": "name\nA\n", "mapping": "[1]"}, "mapping"),
        ({"type": "partners", "file": "name\nA\n", "encoding": "klingon"}, "encoding"),
        ({"type": "links", "file": "code\nA\n", "match": "code"}, "match"),
    ],
)
def test_wrong_uploads_name_the_field(api: Make, form: dict[str, Any], field: str) -> None:
    status, problem, _ = api("write").upload("/imports", form)
    assert (status, [error["field"] for error in problem["errors"]]) == (422, [field])
    assert not Import.objects.exists()


def test_a_file_that_is_too_long_is_not_kept(api: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "UPLOAD_BYTES_MAX", 100)
    status, problem, _ = api("write").upload("/imports", {"type": "partners", "file": "name\n" + "A\n" * 100})
    assert (status, problem["errors"][0]["field"]) == (422, "file") and "split it" in problem["errors"][0]["message"]
