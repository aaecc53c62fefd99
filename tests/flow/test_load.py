"""`make load` in its short form: every event that locust saw accepted is stored, and the audit passes."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_mixed_profile_is_stored_and_audited() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loadtests", "mixed", "--users", "4", "--seconds", "6"],
        capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for table in ("clicks", "conversions", "impressions"):
        assert f"{table}: " in done.stdout
    assert done.stdout.rstrip().endswith("audit ok")
