"""The address of an installation: from flags, environment or directory, in this order; passwords stay out of flags."""

import traceback
from pathlib import Path

import pytest

from eventlog.address import KafkaLog, SqliteLog
from installation.address import InstallationAddress, address_in, find_address
from installation.directory import DataDir
from runtime.settings import Settings, load_settings
from runtime.user_error import UNREACHABLE, WRONG_USE, UserError
from warehouse.address import ChdbFolder, ClickHouseServer

KAFKA, CLICKHOUSE = "kafka://h1:9092,h2:9092?topic_prefix=a.", "clickhouse://clew@h3:8123/shop"


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"CLEW_{name}", value)
    return load_settings()


def refused(settings: Settings, *where: object) -> tuple[str, int]:
    with pytest.raises(UserError) as error:
        find_address(*where, settings)  # type: ignore[arg-type]
    assert "hunter2" not in "".join(traceback.format_exception(error.value))
    return str(error.value), error.value.exit_code


def test_a_directory_means_both_under_it() -> None:
    place = find_address(Path("d"), None, None, Settings())
    assert place == address_in(DataDir(Path("d")))
    assert not place.on_servers
    assert place.engine_file == Path("d/engine.json")
    assert str(place) == "d"


def test_addresses_of_a_directory_are_that_directory() -> None:
    place = find_address(None, "sqlite:d/log", "chdb:d/warehouse", Settings())
    assert place == address_in(DataDir(Path("d")))
    elsewhere = find_address(None, "sqlite:d/log", "chdb:e/tables", Settings())
    assert elsewhere == InstallationAddress(SqliteLog(Path("d/log")), ChdbFolder(Path("e/tables")))
    assert elsewhere.engine_file == Path("e/tables.engine.json")


def test_two_settings_move_a_directory_to_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(monkeypatch, LOG=KAFKA, WAREHOUSE=CLICKHOUSE)
    place = find_address(Path("d"), None, None, given)
    assert place.log == KafkaLog(("h1:9092", "h2:9092"), "a.")
    assert place.warehouse == ClickHouseServer("h3", 8123, "shop", "clew")
    assert place.data == DataDir(Path("d"))
    assert place.on_servers
    assert str(place) == f"{KAFKA} with {CLICKHOUSE}"


def test_a_flag_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(monkeypatch, LOG=KAFKA, WAREHOUSE=CLICKHOUSE)
    place = find_address(None, "kafka://other:1", None, given)
    assert (place.log, place.warehouse) == (KafkaLog(("other:1",)), ClickHouseServer("h3", 8123, "shop", "clew"))
    assert not find_address(None, "sqlite:a", "chdb:b", given).on_servers


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ((None, None, None), "say where the installation is"),
        ((None, KAFKA, None), "only the log is given; say where"),
        ((None, None, CLICKHOUSE), "only the warehouse is given; say where"),
        ((Path("d"), KAFKA, None), "Kafka goes with a ClickHouse server"),
        ((None, "sqlite:d", CLICKHOUSE), "Kafka goes with a ClickHouse server"),
        ((None, "kafka://u:hunter2@h:1", CLICKHOUSE), "--log: no password in a flag"),
        ((None, KAFKA, "clickhouse://u:hunter2@h/clew"), "--warehouse: no password in a flag"),
        ((None, "rabbit:hunter2", CLICKHOUSE), "--log: not a log address"),
        ((None, KAFKA, "mysql://u@h/hunter2"), "--warehouse: not a warehouse address"),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence(where: tuple[object, ...], said: str) -> None:
    message, code = refused(Settings(), *where)
    assert message.startswith(said)
    assert "\n" not in message
    assert code == WRONG_USE


def test_passwords_come_from_variables_files_and_the_environments_addresses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2\n")
    kafka, clickhouse = "kafka://u@h:1", "clickhouse://u@h/clew"
    given = settings(
        monkeypatch, LOG=kafka, WAREHOUSE=clickhouse, LOG_PASSWORD="hunter2", WAREHOUSE_PASSWORD_FILE=str(file)
    )
    place = find_address(None, None, None, given)
    assert (passwords(place), "hunter2" in f"{place!r} {place} {given!r}") == (("hunter2", "hunter2"), False)
    for name in ("LOG_PASSWORD", "WAREHOUSE_PASSWORD_FILE"):
        monkeypatch.delenv(f"CLEW_{name}")
    given = settings(monkeypatch, LOG="kafka://u:hunter2@h:1", WAREHOUSE="clickhouse://u:hunter2@h/clew")
    place = find_address(None, None, None, given)
    assert (passwords(place), "hunter2" in f"{place!r} {place} {given!r}") == (("hunter2", "hunter2"), False)


def passwords(place: InstallationAddress) -> tuple[str, str]:
    assert isinstance(place.log, KafkaLog)
    assert isinstance(place.warehouse, ClickHouseServer)
    return place.log.password, place.warehouse.password


def test_a_password_file_that_cannot_be_read_is_exit_code_4(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = settings(monkeypatch, WAREHOUSE_PASSWORD_FILE=str(tmp_path / "none"))
    message, code = refused(given, None, KAFKA, CLICKHOUSE)
    assert "CLEW_WAREHOUSE_PASSWORD_FILE" in message
    assert code == UNREACHABLE
    both = settings(monkeypatch, WAREHOUSE_PASSWORD="hunter2")
    assert refused(both, None, KAFKA, CLICKHOUSE)[1] == WRONG_USE


def test_an_installation_follows_the_control_plane_or_has_a_program_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = DataDir(tmp_path)
    place, plain = address_in(directory), settings(monkeypatch)
    assert not place.follows(plain) and not place.exists()
    directory.log.mkdir()
    directory.published.mkdir()
    assert place.follows(plain) and place.exists() and place.program_copy() is None
    directory.program.write_text("")
    assert not place.follows(plain) and place.exists()
    servers = InstallationAddress(KafkaLog(("h1:9092",)), ClickHouseServer("h3", 8123, "shop", "clew"))
    assert not servers.follows(plain)
    assert servers.follows(settings(monkeypatch, FOLLOW__URL="http://control.example"))
