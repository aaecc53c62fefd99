"""`clew demo --keep` in its short form: its console can be used, its links work, its traffic goes on."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from runtime.user_error import UNREACHABLE
from tests import loopback
from tests.flow.operator import wait_until


def test_the_demo_can_be_used_while_it_is_kept(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "clew", "demo", "--keep", "--visitors", "60"]
    environment = os.environ | {"TMPDIR": str(tmp_path), "COLUMNS": "200"}
    with (tmp_path / "stderr").open("w") as errors:
        demo = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert demo.stdout is not None
    try:
        said = ""
        for line in demo.stdout:
            said += line
            if line.startswith("  read_only"):
                break
        assert "clew audit: ok" in said, said + (tmp_path / "stderr").read_text()
        _use(said)
    finally:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0  # less than the time for which its visitors would try again
        demo.stdout.close()


def test_a_demo_that_is_stopped_early_says_so(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "clew", "demo", "--visitors", "60"]
    environment = os.environ | {"TMPDIR": str(tmp_path), "COLUMNS": "200"}
    stderr = tmp_path / "stderr"
    with stderr.open("w") as errors:
        demo = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        wait_until(lambda: any(tmp_path.glob("clew-demo-*/serve.log")), 60, "its children start")
    finally:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == UNREACHABLE
    assert "the demo failed: it was stopped before" in stderr.read_text()
    assert not list(tmp_path.glob("clew-demo-*"))


def _use(said: str) -> None:
    console, link = _after("console", said).removesuffix("/console/"), _after("a link", said)
    password = _after("Sign-ins of the console, all with the password", said)
    with httpx.Client(base_url=console, follow_redirects=True, timeout=30) as browser:
        browser.get("/accounts/login/")
        form = {
            "login": _after("partner_manager", said), "password": password, "next": "/console/partners/?q=reviews",
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }  # fmt: skip
        page = browser.post("/accounts/login/", data=form, headers={"Referer": console})
        assert page.status_code == 200 and "Trailhead Reviews" in page.text
    answer = loopback.get(link)
    assert answer.status_code == 302 and "shoes.example" in answer.headers["location"]
    metrics = _after("metrics", said)
    before = _clicks(metrics)
    wait_until(lambda: _clicks(metrics) > before, 20, "live traffic goes on")


def _after(name: str, said: str) -> str:
    found = re.search(rf"^ *{re.escape(name)} +(\S+)$", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


def _clicks(metrics: str) -> float:
    lines = loopback.get(metrics).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(r'clew_hits_total{.*kind="click"', line))
