"""Rate limit of API keys: 429 with Retry-After, per key, bounded by a setting."""

from dataclasses import replace

import pytest

from control.accounts.actor import command_line
from control.accounts.keys import make_key
from control.api.rate_limit import KEYS_MAX, RateLimiter
from control.configuration import current_configuration, set_configuration
from tests.control.api.conftest import Api


def test_a_bucket_empties_and_fills_again() -> None:
    limiter = RateLimiter()
    taken = [limiter.take("a", 10.0, per_s=0.5, burst=3) for _ in range(4)]
    assert taken == [0, 0, 0, 2]
    assert limiter.take("b", 10.0, per_s=0.5, burst=3) == 0
    assert limiter.take("a", 11.0, per_s=0.5, burst=3) == 1
    assert limiter.take("a", 12.0, per_s=0.5, burst=3) == 0
    assert [limiter.take("a", 1_000.0, per_s=0.5, burst=3) for _ in range(4)] == [0, 0, 0, 2]


def test_the_number_of_buckets_is_bounded() -> None:
    limiter = RateLimiter()
    for number in range(KEYS_MAX + 5):
        limiter.take(str(number), 0.0, per_s=1, burst=1)
    assert len(limiter._buckets) == KEYS_MAX
    assert limiter.take(str(KEYS_MAX), 0.0, per_s=1, burst=1) == 1


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_key_that_asks_too_often_waits_and_others_do_not() -> None:
    before = current_configuration()
    web = before.settings.web.model_copy(update={"api_key_requests_per_s": 1, "api_key_burst_requests": 2})
    set_configuration(replace(before, settings=before.settings.model_copy(update={"web": web})))
    try:
        busy, other = (Api(make_key(command_line(), name, "read")[1]) for name in ("busy", "other"))
        answers = [busy("GET", "/offers") for _ in range(4)]
        assert [status for status, _, _ in answers][:2] == [200, 200]
        status, body, answer = next(found for found in answers if found[0] != 200)
        assert (status, answer["Content-Type"], answer["Retry-After"]) == (429, "application/problem+json", "1")
        assert body["title"] == "Too Many Requests" and "wait 1 s" in body["detail"]
        assert other("GET", "/offers")[0] == 200
        assert Api("clew_000000000000_" + "x" * 43)("GET", "/offers")[0] == 401
    finally:
        set_configuration(before)
