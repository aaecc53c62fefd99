"""Addresses of the control plane's database."""

from pathlib import Path

import pytest

from control.address import (
    BadControlAddress,
    PostgresServer,
    SqliteFile,
    find_control_address,
    parse_control_address,
)
from runtime.settings import Settings
from runtime.user_error import UserError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("sqlite:data/control.sqlite", SqliteFile(Path("data/control.sqlite"))),
        ("postgresql://clew@db:5433/clew", PostgresServer("db", 5433, "clew", "clew")),
        ("postgresql://clew@db/clew", PostgresServer("db", 5432, "clew", "clew")),
        ("postgresql://clew@[::1]/clew", PostgresServer("::1", 5432, "clew", "clew")),
        ("postgresql://clew@/clew?host=/run/pg", PostgresServer("/run/pg", 5432, "clew", "clew")),
        ("postgresql://a%40b:p%2Fw@db/clew", PostgresServer("db", 5432, "clew", "a@b", "p/w")),
    ],
)
def test_forms(text: str, address: object) -> None:
    parsed = parse_control_address(text)
    assert parsed == address
    assert parse_control_address(str(parsed)) == (
        parsed
        if isinstance(parsed, SqliteFile)
        else PostgresServer(parsed.host, parsed.port, parsed.database, parsed.user)
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "sqlite:", "sqlite://x", "mysql://a@b/c", "postgresql://clew@db", "postgresql://db/clew"),
        *("postgresql://clew@db:x/clew", "postgresql://clew@/clew", "postgresql://clew@db/clew?sslmode=off"),
        *("postgresql://clew:sec/ret@db/clew", "postgresql://clew:secret@db/a/b"),
    ],
)
def test_mistakes_name_the_form_and_no_password(text: str) -> None:
    with pytest.raises(BadControlAddress) as caught:
        parse_control_address(text)
    assert "secret" not in str(caught.value) and "sec/ret" not in str(caught.value)


def test_the_flag_precedes_the_environment_and_that_the_directory(tmp_path: Path) -> None:
    environment = Settings(control="postgresql://clew@env/clew")
    assert find_control_address(tmp_path, None, Settings()) == SqliteFile(tmp_path / "control.sqlite")
    assert find_control_address(tmp_path, None, environment) == PostgresServer("env", 5432, "clew", "clew")
    flag = find_control_address(tmp_path, "postgresql://clew@flag/clew", environment)
    assert flag == PostgresServer("flag", 5432, "clew", "clew")


def test_passwords_come_from_a_setting_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from the file\n")
    address = "postgresql://clew@db/clew"
    by_file = Settings(control=address, control_password_file=tmp_path / "password")
    assert getattr(find_control_address(None, None, by_file), "password", "") == "from the file"
    by_value = Settings(control=address, control_password="from the value")
    assert getattr(find_control_address(None, None, by_value), "password", "") == "from the value"
    assert "from the value" not in repr(find_control_address(None, None, by_value))


@pytest.mark.parametrize(
    ("flag", "settings", "part"),
    [
        (None, Settings(), "--data DIR"),
        ("postgresql://clew:pw@db/clew", Settings(), "CLEW_CONTROL_PASSWORD"),
        ("mysql:x", Settings(), "--control: "),
        (None, Settings(control="mysql:x"), "CLEW_CONTROL: "),
        (None, Settings(control="postgresql://c@d/e", control_password="a", control_password_file=Path("b")), "both"),
        (None, Settings(control="postgresql://c@d/e", control_password_file=Path("absent")), "absent cannot be read"),
    ],
)
def test_errors_say_the_fix(flag: str | None, settings: Settings, part: str) -> None:
    with pytest.raises(UserError, match=part):
        find_control_address(None, flag, settings)
