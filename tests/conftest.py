"""What every test may use: bounded hypothesis profiles, the shared samples, and `skip_or_fail`."""

import os
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI", "").lower() in ("1", "true")

# No deadline: the first example of a kernel pays for its compilation.
dev = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", dev)
settings.register_profile("ci", dev, derandomize=True, database=None)
settings.register_profile("deep", dev, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if CI else "dev"))


def skip_or_fail(reason: str) -> NoReturn:
    """For tests that need a server: skip where people work, fail in CI, which has to have it."""
    if CI:
        pytest.fail(f"CI must not skip this: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of public samples beside the repository; too large to be in it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no shared/data beside the repository")
    return folder
