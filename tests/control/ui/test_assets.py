"""Built files: locked without hosts, complete, small, and shipped in the wheel."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from control.ui import assets_manifest
from control.ui.assets_manifest import UnknownFile, asset_url, built_files, icon_path
from control.ui.paths import BUILT_FOLDER
from runtime.user_error import UserError
from tests.conventions.tree import ROOT
from tools import assets

SOURCES = ROOT / "control" / "ui"
CSS_BYTES_MAX = 40_000
JS_BYTES_MAX = 30_000


def test_lock_names_no_host_and_every_hash() -> None:
    text = (SOURCES / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    assert "://" not in text and "resolved" not in text
    assert [name for name, entry in packages.items() if name and "integrity" not in entry] == []
    assert len(packages) > 10


def test_versions_are_exact_and_locked() -> None:
    asked = json.loads((SOURCES / "package.json").read_text("utf-8"))
    wanted = asked["dependencies"] | asked["devDependencies"]
    locked = json.loads((SOURCES / "package-lock.json").read_text("utf-8"))["packages"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_every_built_file_exists_and_is_compressed() -> None:
    for file in built_files().values():
        assert (BUILT_FOLDER / file).stat().st_size > 0
        if not file.endswith(".woff2"):
            assert (BUILT_FOLDER / f"{file}.br").exists() and (BUILT_FOLDER / f"{file}.gz").exists()


@pytest.mark.parametrize(
    ("name", "bytes_max"),
    [("clew.css", CSS_BYTES_MAX), ("clew.rtl.css", CSS_BYTES_MAX), ("clew.js", JS_BYTES_MAX)],
)
def test_what_a_page_loads_is_small(name: str, bytes_max: int) -> None:
    assert (BUILT_FOLDER / f"{built_files()[name]}.gz").stat().st_size <= bytes_max


def test_styles_ask_no_other_host() -> None:
    for name in ("clew.css", "clew.rtl.css"):
        text = (BUILT_FOLDER / built_files()[name]).read_text("utf-8")
        addresses = [
            found for found in re.findall(r"url\(([^)]*)\)", text) if not found.strip("\"'").startswith("data:")
        ]
        assert addresses and all(re.fullmatch(r"\./[\w-]+\.woff2", found.strip("\"'")) for found in addresses)
        assert all((BUILT_FOLDER / found.strip("\"'./")).exists() for found in addresses)


def test_licences_go_with_the_files() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    asked = json.loads((SOURCES / "package.json").read_text("utf-8"))["dependencies"]
    names = {"@fontsource-variable/inter": "Inter", "@iconify-json/tabler": "Tabler Icons", "htmx.org": "htmx"}
    assert [name for name in asked if names.get(name, "Tabler") not in notice] == []
    assert "SIL OPEN FONT LICENSE" in (BUILT_FOLDER / "inter-licence.txt").read_text("utf-8").upper()


def test_each_dark_rule_has_a_copy_for_the_systems_choice() -> None:
    text = (BUILT_FOLDER / built_files()["clew.css"]).read_text("utf-8")
    dark = len(re.findall(r"data-bs-theme=\"?dark", text))
    automatic = len(re.findall(r"data-bs-theme=\"?auto", text))
    assert dark > 5 and automatic >= dark
    assert "prefers-color-scheme" in text


@pytest.mark.parametrize("look", [asset_url, icon_path])
def test_unknown_names_say_the_fix(look: object) -> None:
    assert callable(look)
    with pytest.raises(UnknownFile, match="make setup"):
        look("no-such-thing")


def test_missing_build_says_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets_manifest, "BUILT_FOLDER", tmp_path)
    built_files.cache_clear()
    try:
        with pytest.raises(UserError, match="make setup"):
            built_files()
    finally:
        built_files.cache_clear()


def test_a_second_installation_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(assets, "npm", lambda *arguments, **_options: asked.append(arguments) or 0)
    assets.install()
    assert asked == []


def test_a_failed_installation_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "WORK", tmp_path)
    monkeypatch.setattr(assets, "npm", lambda *_arguments, **_options: 1)
    with pytest.raises(SystemExit, match="package-lock"):
        assets.install()
    assert not (tmp_path / "node_modules" / ".locked").exists()


@pytest.fixture
def own_control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of control/ whose build is counted, not run."""
    control = tmp_path / "control"
    shutil.copytree(ROOT / "control", control, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(assets, "CONTROL", control)
    monkeypatch.setattr(assets, "SOURCES", control / "ui")
    monkeypatch.setattr(assets, "OUTPUT", control / "ui" / "static" / "ui")
    return control


@pytest.mark.parametrize(
    ("file", "added", "builds"),
    [
        ("ui/views.py", "# a comment of zzyzx words\n", False),
        ("ui/templates/404.html", "{# zzyzx #}", False),
        ("ui/templates/404.html", '<p class="ribbon-bookmark">', True),
        ("ui/views.py", 'ICON = "brand-abstract"\n', True),
        ("ui/assets/css/tokens.css", "/* */", True),
        ("ui/assets/js/clew.js", "// \n", True),
        ("ui/package-lock.json", "\n", True),
    ],
)
def test_only_changes_that_matter_build(own_control: Path, file: str, added: str, builds: bool) -> None:
    allauth = assets._allauth()
    before = assets.digest(allauth)
    with (own_control / file).open("a") as handle:
        handle.write(added)
    assert (assets.digest(allauth) != before) is builds


def test_a_second_build_only_touches(own_control: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(assets, "node", lambda *arguments, **_options: asked.append(arguments) or 0)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "node_modules").symlink_to(assets.WORK / "node_modules")
    monkeypatch.setattr(assets, "WORK", tmp_path / "work")
    assets.build()
    assets.build()
    assert len(asked) == 1
    (own_control / "ui" / "static" / "ui" / "manifest.json").unlink()
    assets.build()
    assert len(asked) == 2


def test_a_failed_build_is_tried_again(own_control: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "node", lambda *_arguments, **_options: 1)
    (own_control / "ui" / "static" / "ui" / "manifest.json").unlink()
    with pytest.raises(SystemExit, match="cannot be built"):
        assets.build()


def test_wheel_contains_built_files_and_templates(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "requirements.in", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "control", tmp_path / "control", ignore=shutil.ignore_patterns("__pycache__"))
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, "."], cwd=tmp_path, check=True, timeout=60)
    (wheel,) = tmp_path.glob("clew-*.whl")
    shipped = set(ZipFile(wheel).namelist())
    built = {f"control/ui/static/ui/{name}" for name in ("manifest.json", "icons.json", *built_files().values())}
    templates = {path.relative_to(ROOT).as_posix() for path in (SOURCES / "templates").rglob("*.html")}
    assert built <= shipped and templates <= shipped
    assert not [name for name in shipped if name.startswith("control/ui/assets/")]


def test_icons_are_paths() -> None:
    assert re.fullmatch(r"[\dMmLlHhVvCcSsQqTtAaZz .,-]+", icon_path("search"))
