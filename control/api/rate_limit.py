"""Rate limit of API keys: a bucket of requests per key, in each web process."""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from threading import Lock

from control.errors import Refused

KEYS_MAX = 10_000
"""Most keys whose buckets are kept; the one that was idle for longest is forgotten, and starts full again."""


class TooManyRequests(Refused):
    """A key or a network address asks too often (429)."""

    def __init__(self, retry_after_s: int, message: str = "") -> None:
        super().__init__(message or f"this key has sent too many requests; wait {retry_after_s} s and repeat")
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Bucket:
    requests: float
    at_s: float


class RateLimiter:
    """Buckets of requests, filled at a constant rate."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = Lock()

    def take(self, key: str, now_s: float, *, per_s: float, burst: int) -> int:
        """Take a request out of a key's bucket; return 0, or the seconds until there is one again."""
        with self._lock:
            bucket = self._buckets.get(key) or _Bucket(burst, now_s)
            self._buckets[key] = bucket
            self._buckets.move_to_end(key)
            if len(self._buckets) > KEYS_MAX:
                self._buckets.popitem(last=False)
            bucket.requests = min(burst, bucket.requests + (now_s - bucket.at_s) * per_s)
            bucket.at_s = now_s
            if bucket.requests >= 1:
                bucket.requests -= 1
                return 0
            return max(1, ceil((1 - bucket.requests) / per_s))
