"""The token keys' file: one for all processes, whole or not there, readable by its owner only."""

import os
import stat
import threading
from pathlib import Path

import pytest

from installation.keys import KeysFileError, load_or_make_keys, rotate_keys
from schemas.values.click_id import TokenKeys, mint, verify

NOW_MS = 1_764_000_000_123
DAY_MS = 86_400_000


def make(path: Path) -> TokenKeys:
    return load_or_make_keys(path, os.urandom, NOW_MS)


def test_made_once_then_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    first = make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert make(path) == first
    assert first.current.key_id == 1 and len(first.current.secret) == 32
    assert [file.name for file in tmp_path.iterdir()] == ["keys.toml"]


def test_many_starts_at_once_agree(tmp_path: Path) -> None:
    path, found, gate = tmp_path / "keys.toml", [], threading.Barrier(8)

    def start() -> None:
        gate.wait()
        found.append(make(path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and all(keys == found[0] for keys in found)
    assert [file.name for file in tmp_path.iterdir()] == ["keys.toml"]


def test_after_a_rotation_old_ids_verify_until_their_end(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    before = make(path)
    old = mint(before, NOW_MS, 1, 2, bytes(5))
    after = rotate_keys(path, os.urandom, NOW_MS, old_verifies_ms=DAY_MS)
    assert make(path) == after
    assert after.current.key_id == 2 and after.hash_secret == before.hash_secret
    assert verify(after, old, NOW_MS + DAY_MS) is not None
    assert verify(after, old, NOW_MS + DAY_MS + 1) is None
    assert verify(after, mint(after, NOW_MS, 1, 2, bytes(5)), NOW_MS + 9 * DAY_MS) is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_key_numbers_are_used_again_only_after_their_end(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    make(path)
    for _ in range(254):
        rotate_keys(path, os.urandom, NOW_MS, old_verifies_ms=DAY_MS)
    with pytest.raises(KeysFileError, match="all 255"):
        rotate_keys(path, os.urandom, NOW_MS, old_verifies_ms=DAY_MS)
    later = rotate_keys(path, os.urandom, NOW_MS + 2 * DAY_MS, old_verifies_ms=DAY_MS)
    assert later.current.key_id == 1


GOOD = 'hash_secret = "{s}"\ncurrent = 1\n[[key]]\nid = 1\nsecret = "{s}"\n'
SECRET = "5ec4e7" * 10


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("current = 1", "current = 2", "current names no key"),
        ("id = 1", "id = 0", "from 1 to 255"),
        ("id = 1", "id = true", "from 1 to 255"),
        ('hash_secret = "{s}"', 'hash_secret = "zz{s}"', "hash_secret must be"),
        ('hash_secret = "{s}"', 'hash_secret = "5ec4e7"', "hash_secret must be"),
        ('1\nsecret = "{s}"', '1\nsecret = "{s}{s}"', "secret of key 1 must be"),
        ("[[key]]", "[[keys]]", "key is missing"),
        ("[[key]]", "[key]", r"must be \[\[key\]\] tables"),
        ("[[key]]\n", '[[key]]\nverify_until = "{s}"\n', "2026-01-31T12:00:00Z"),
        ("[[key]]\n", "[[key]]\nverify_until = 2026-01-31\n", "2026-01-31T12:00:00Z"),
        ("[[key]]\n", "[[key\n", "not a TOML file"),
        ('"{s}"\ncurrent', '"{s}\ncurrent', "not a TOML file"),
    ],
)
def test_a_broken_file_is_named_without_its_secrets(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    path = tmp_path / "keys.toml"
    path.write_text(GOOD.replace(old, new).replace("{s}", SECRET))
    with pytest.raises(KeysFileError, match=says) as error:
        make(path)
    assert str(path) in str(error.value)
    assert SECRET not in str(error.value)


def test_dates_may_be_texts(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    text = GOOD + 'verify_until = "2026-01-31T12:00:00+01:00"\ncreated = 2025-01-31T12:00:00Z\n'
    path.write_text(text.replace("{s}", SECRET))
    assert make(path).current.verify_until_ms == 1_769_857_200_000


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeysFileError, match="cannot make"):
        make(tmp_path / "missing" / "keys.toml")


def test_a_file_that_others_can_read_is_pointed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "keys.toml"
    make(path)
    assert "chmod" not in "".join(capsys.readouterr())
    path.chmod(0o644)
    make(path)
    assert "chmod 600" in "".join(capsys.readouterr())
