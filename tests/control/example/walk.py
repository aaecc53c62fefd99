"""Walk through the example module from end to end, in a process whose settings install it."""

import json
import sys
from pathlib import Path
from typing import Any

from control.address import SqliteFile
from control.configuration import Configuration, set_configuration
from control.start import start_django
from runtime.settings import Settings

ATTACK = "<script>alert(1)</script>"


def start(folder: Path) -> None:
    """Set Django up with the module, and make its tables."""
    configuration = Configuration(SqliteFile(folder / "control.sqlite"), Settings(), "k" * 40)
    set_configuration(configuration)
    from control import settings

    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    apps = [*settings.INSTALLED_APPS, "tests.control.example"]
    start_django(configuration, INSTALLED_APPS=apps, PASSWORD_HASHERS=hashers)
    from control.migrate import migrate

    assert "notes.0001_initial" in migrate(configuration.address)
    from django.core.management import call_command

    call_command("makemigrations", "notes", check=True, dry_run=True, verbosity=0)


def walk() -> None:
    """Use pages and API as several people and keys; check rights, audit and escaping."""
    from control.accounts.actor import command_line
    from control.accounts.keys import make_key
    from control.accounts.people import add_operator
    from control.audit.models import AuditEvent
    from control.modules.services import switch_module
    from control.partners.services import create_partner

    boss, password = command_line(), "correct horse battery"
    switch_module(boss, "notes", True)  # it starts off
    people = {role: add_operator(boss, f"{role}@x.example", role, role, password) for role in
              ("owner", "partner_manager", "read_only")}  # fmt: skip
    own = create_partner(boss, {"name": "Blue Lagoon", "manager": people["partner_manager"]}, "active")
    other = create_partner(boss, {"name": "Red Rock"}, "active")
    manager, reader = _browser(people["partner_manager"], password), _browser(people["read_only"], password)

    # Pages: works, not yours, bad input.
    assert "No notes yet" in manager.get("/console/notes/").content.decode()
    values = {"partner": own.number, "text": ATTACK}
    assert manager.post("/console/notes/new/", values).headers["Location"] == "/console/notes/"
    listed = manager.get("/console/notes/?q=alert").content.decode()
    assert "Blue Lagoon" in listed and ATTACK not in listed and "&lt;script&gt;" in listed
    foreign = manager.post("/console/notes/new/", {**values, "partner": other.number})
    assert foreign.status_code == 200 and "There is no partner" in foreign.content.decode()
    assert "This field is required" in manager.post("/console/notes/new/", {}).content.decode()
    assert reader.get("/console/notes/").status_code == 403
    assert 'href="/console/notes/"' in manager.get("/console/").content.decode()
    assert 'href="/console/notes/"' not in reader.get("/console/").content.decode()

    # API: the same rules, for keys of the program and of one partner.
    shop, lagoon, rock = (
        _api(make_key(boss, *key)[1]) for key in
        (("shop", "admin"), ("lagoon", "write", own.number), ("rock", "write", other.number))
    )  # fmt: skip
    assert shop("POST", {"partner": other.number, "text": "Pays late"})[0] == 201
    assert lagoon("POST", {"partner": other.number, "text": "Guess"})[0] == 404
    assert shop("POST", {"partner": own.number, "text": "", "author": "Eve"})[0] == 422
    assert [note["text"] for note in lagoon("GET")[1]["items"]] == [ATTACK]
    assert [note["text"] for note in rock("GET")[1]["items"]] == ["Pays late"]
    assert len(shop("GET")[1]["items"]) == 2

    # Each change is in the audit trail, with its person and its partner.
    event = AuditEvent.objects.filter(object_type="notes.note").earliest("pk")
    assert (event.action, event.actor_name, event.partner) == ("created", "partner_manager", own.number)
    assert AuditEvent.objects.filter(object_type="notes.note").count() == 2
    owner = _browser(people["owner"], password)
    assert owner.get(f"/console/audit/{event.pk}/").status_code == 200
    assert "404" in owner.get("/api/v1/openapi.json").json()["paths"]["/api/v1/notes"]["get"]["responses"]

    # Search finds notes, for those who may read them.
    found = manager.get("/console/search/?q=alert").content.decode()
    assert "<h2>Notes</h2>" in found and "<h2>Notes</h2>" not in reader.get("/console/search/?q=alert").content.decode()

    _switch(owner, manager, lagoon)


def _switch(owner: Any, manager: Any, lagoon: Any) -> None:
    """Switch the module off and on; what it has stored is kept."""
    from django.utils import timezone

    from control.audit.models import AuditEvent
    from control.audit.origin import ActorKind, Origin, acting
    from control.jobs.queue import enqueue, take

    listed = owner.get("/console/settings/modules/").content.decode()
    assert "Colleagues write down what they know about a partner." in listed and "Switch off Notes" in listed
    needed = owner.post("/console/settings/modules/exports/", {"to": "off"}, follow=True).content.decode()
    assert "Exports is needed by Notes; switch off Notes first." in needed

    assert manager.post("/console/settings/modules/notes/", {"to": "off"}).status_code == 403
    assert "jobs" in owner.get("/console/settings/modules/notes/").content.decode()
    assert (
        "Notes is off." in owner.post("/console/settings/modules/notes/", {"to": "off"}, follow=True).content.decode()
    )
    event = AuditEvent.objects.filter(object_type="modules.moduleswitch").latest("pk")
    assert (event.object_name, event.actor_name, event.after) == ("notes", "owner", {"is_on": False})

    gone = manager.get("/console/notes/")
    assert gone.status_code == 404 and "Notes is off" in gone.content.decode()
    assert manager.post("/console/notes/new/", {"partner": 1, "text": "x"}).status_code == 404
    assert 'href="/console/notes/"' not in manager.get("/console/").content.decode()
    assert "<h2>Notes</h2>" not in manager.get("/console/search/?q=alert").content.decode()
    status, problem = lagoon("GET")
    assert status == 404 and problem["detail"].startswith("the module Notes is off; an owner or administrator can")
    assert lagoon("GET", key="wrong")[0] == 401
    with acting(Origin(ActorKind.COMMAND, name="walk")):
        enqueue("notes.count")
    assert take("worker", timezone.now(), 30) is None

    owner.post("/console/settings/modules/notes/", {"to": "on"})
    assert ATTACK in lagoon("GET")[1]["items"][0]["text"]
    job = take("worker", timezone.now(), 30)
    assert job is not None and job.task == "notes.count"


def _browser(user: Any, password: str) -> Any:
    from django.test import Client

    client = Client(HTTP_HOST="localhost")
    client.post("/accounts/login/", {"login": user.email, "password": password})
    return client


def _api(key: str) -> Any:
    from django.test import Client

    client, own = Client(HTTP_HOST="localhost"), key

    def ask(method: str, body: Any = None, key: str = own) -> tuple[int, Any]:
        content = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        answer = client.generic(method, "/api/v1/notes", HTTP_AUTHORIZATION=f"Bearer {key}", **content)
        return answer.status_code, answer.json()

    return ask


if __name__ == "__main__":
    start(Path(sys.argv[1]))
    walk()
