"""The key of the machines comes from a setting, a file, or the data directory."""

from pathlib import Path

import pytest

from runtime.control_settings import FollowSettings
from runtime.machine_key import find_machine_key
from runtime.user_error import UserError

KEY = "k" * 40


def test_a_directory_gets_one_private_key(tmp_path: Path) -> None:
    made = find_machine_key(tmp_path, FollowSettings())
    assert made is not None and len(made) >= 32 and find_machine_key(tmp_path, FollowSettings()) == made
    [file] = tmp_path.iterdir()
    assert file.name == "machine.key" and file.stat().st_mode & 0o077 == 0


def test_a_setting_or_a_file_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    assert find_machine_key(None, FollowSettings(key_file=file)) == KEY
    assert find_machine_key(tmp_path, FollowSettings(key=KEY)) == KEY
    assert find_machine_key(None, FollowSettings()) is None and not (tmp_path / "machine.key").exists()


def test_mistakes_name_the_setting_or_the_file(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("abc")
    with pytest.raises(UserError, match="both set"):
        find_machine_key(None, FollowSettings(key=KEY, key_file=short))
    with pytest.raises(UserError, match="at least 32 characters, it has 3"):
        find_machine_key(None, FollowSettings(key_file=short))
    with pytest.raises(UserError, match="none cannot be read"):
        find_machine_key(None, FollowSettings(key_file=tmp_path / "none"))
