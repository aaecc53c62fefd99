"""Skip or fail a test without its server."""

import os
from typing import NoReturn

import pytest

CI = os.environ.get("CI", "").lower() in ("1", "true")


def skip_or_fail(reason: str) -> NoReturn:
    """Skip where people work, fail in CI, which has to have it."""
    if CI:
        pytest.fail(f"CI must not skip this: {reason}", pytrace=False)
    pytest.skip(reason)
