"""Deep links: URLs in a request that a visitor may be sent to instead of the landing page.

A deep link is not checked as text and then passed on. It is parsed, its host is compared in ASCII, and the URL is
rebuilt with exactly that host, so that no browser can find another host in it.
"""

from program.landing_hosts import Allowed, target_of
from tracker.offers.landing_url import escaped


def deeplink_of(url: str, allowed: Allowed) -> str | None:
    """Return the rebuilt URL to send the visitor to; None if it is not allowed."""
    target = target_of(url)
    if target is None or not allowed.holds(target):
        return None
    port = f":{target.port}" if target.port is not None else ""
    return f"{target.scheme}://{target.host}{port}{escaped(target.rest)}"
