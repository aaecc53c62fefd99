"""`clew user` and `clew api-key`: as a process on a new data directory, and in this process on both databases."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

from control.accounts.models import ApiKey
from tests.clew.cli.conftest import Clew
from tests.commands import fork

PASSWORD = "correct horse battery"


def test_the_first_command_makes_the_database(tmp_path: Path) -> None:
    data = tmp_path / "data"
    words = ("user", "add", "Ann@Acme.example", "--role", "owner", "--name", "Ann", "--password-stdin")
    done = subprocess.run(
        [sys.executable, "-m", "clew", *words, "--data", str(data)],
        capture_output=True, text=True, timeout=60, input=f"{PASSWORD}\n",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "added ann@acme.example as owner\n", "")
    assert stat.S_IMODE((data / "control.sqlite").stat().st_mode) == 0o600
    with sqlite3.connect(data / "control.sqlite") as database:
        hashed = database.execute("SELECT password FROM accounts_user").fetchone()[0]
        actors = {row[0] for row in database.execute("SELECT actor_name FROM audit_auditevent")}
    assert hashed.startswith("argon2$argon2id$") and actors == {"command line"}


def test_people_are_added_listed_and_disabled(clew: Clew) -> None:
    added = clew("user", "add", "Ann@Acme.example", "--role", "owner", "--name", "Ann", "--password-stdin",
                 stdin=f"{PASSWORD}\n")  # fmt: skip
    assert added == (0, "added ann@acme.example as owner\n", "")
    code, said, warned = clew("user", "add", "ben@acme.example", "--role", "finance")
    assert (code, said) == (0, "added ben@acme.example as finance\n") and "CLEW_MAIL__SERVER" in warned
    assert clew("user", "reset-second-factor", "ben@acme.example")[0::2] == (
        1, "clew: ben@acme.example has no second factor\n",
    )  # fmt: skip
    code, link, said = clew("user", "sign-in-link", "ann@acme.example")
    assert code == 0 and link.startswith("/accounts/link/") and "CLEW_WEB__URL" in said
    assert clew("user", "disable", "ben@acme.example") == (0, "disabled ben@acme.example\n", "")
    _, listed, _ = clew("user", "list", "--json")
    rows = {row["email"]: row for row in json.loads(listed)["items"]}
    assert (rows["ann@acme.example"]["name"], rows["ann@acme.example"]["active"]) == ("Ann", True)
    assert (rows["ben@acme.example"]["role"], rows["ben@acme.example"]["active"]) == ("finance", False)


def test_refusals_of_people_have_exit_codes(clew: Clew) -> None:
    add = ("user", "add", "ann@acme.example", "--role")
    assert clew(*add, "boss")[0::2] == (
        2, "clew: role: must be one of owner, admin, partner_manager, finance, support, analyst, read_only\n",
    )  # fmt: skip
    code, _, said = clew(*add, "owner", "--password-stdin", stdin="short\n")
    assert code == 2 and "password: " in said
    assert clew(*add, "owner")[0] == 0
    assert clew(*add, "owner")[0::2] == (1, "clew: there is a user ann@acme.example already\n")
    assert clew("user", "disable", "ann@acme.example")[0::2] == (
        1, "clew: the last owner stays; make somebody else an owner first\n",
    )  # fmt: skip


def test_keys_are_shown_once_and_revoked(clew: Clew) -> None:
    code, key, _ = clew("api-key", "add", "shop", "--scope", "write")
    assert code == 0 and key.startswith("clew_") and key.count("\n") == 1
    _, made, _ = clew("api-key", "add", "reports", "--scope", "read", "--json")
    assert json.loads(made)["key"].startswith("clew_") and json.loads(made)["scope"] == "read"
    assert clew("api-key", "add", "shop", "--scope", "read")[0] == 1
    assert clew("api-key", "add", "x", "--scope", "all")[0] == 2
    assert clew("api-key", "add", "x", "--scope", "read", "--partner", "7")[0] == 2
    assert ApiKey.objects.filter(name="shop").exists()
    assert clew("api-key", "revoke", "shop") == (0, "revoked shop\n", "")
    assert clew("api-key", "revoke", "shop")[0] == 1
    _, listed, _ = clew("api-key", "list")
    assert "reports" in listed and "shop" not in listed


def test_migrate_upgrades_the_control_plane_too(tmp_path: Path) -> None:
    address = {"CLEW_CONTROL": f"sqlite:{tmp_path / 'people' / 'control.sqlite'}"}
    done = fork.clew("migrate", "--data", str(tmp_path / "data"), env=os.environ | address)
    assert done.returncode == 0, done.stderr
    assert "applied accounts.0001_initial" in done.stdout
    assert (tmp_path / "people" / "control.sqlite").is_file()
