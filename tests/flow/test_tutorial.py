"""The tutorial is run as it is written: all its commands in one shell, with free ports instead of 8080 and 8081."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers.skip import skip_or_fail
from tests.serving import free_port

ROOT = Path(__file__).parents[2]
SETUP = 'make setup\nexport PATH="$PWD/.venv/bin:$PATH"\n'
"""The only commands that the test replaces: it runs in the environment that they make."""


def commands() -> str:
    """Return the shell commands of the tutorial, in order."""
    text = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    assert script.startswith(SETUP)
    return script.removeprefix(SETUP)


RELOADED = """
LOADED=$(grep -c program_loaded serve.log || true)
kill -HUP %1
until [ "$(grep -c program_loaded serve.log)" -ge $((LOADED + 2)) ]; do sleep 0.1; done
"""
"""Instead of the three seconds of the text, which are too few on a busy machine: until edge and engine say so."""


@pytest.mark.slow
def test_the_tutorial_says_what_happens(tmp_path: Path) -> None:
    if not shutil.which("curl") or not shutil.which("bash"):
        skip_or_fail("the tutorial needs bash and curl")
    edge, engine = free_port(), free_port()
    script = commands().replace("8080", str(edge))
    script = script.replace("clew serve ", f"clew serve --port {edge} --api-port {engine} --web-port {free_port()} ")
    script, replaced = re.subn(r"kill -HUP %1\n\nsleep 3 [^\n]*\n", lambda _: RELOADED, script)
    assert replaced == 1
    environment = {"PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert "HTTP/1.1 302" in said and "clew-verdict: accepted" in said
    assert re.findall(r'"verdict":"(\w+)"', said) == ["accepted", "duplicate", "accepted", "accepted"]
    assert "8% of 50.00 = 4.00 + fixed 1.20 = 5.20 EUR" in said
    assert "8% of 30.00 = 2.40 + fixed 1.20 = 3.60 EUR" in said
    anna = next(line for line in said.splitlines() if line.startswith("1,Anna's blog,"))
    assert "110.00,13.20,96.80,EUR" in anna
