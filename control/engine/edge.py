"""Postbacks to an edge of this installation, for the postback tester. The address is a setting, not a person's text."""

import ssl
from dataclasses import dataclass

import httpx

from control.configuration import current_configuration
from control.errors import Unavailable

_TIMEOUT_S = 10.0
_ANSWER_BYTES_MAX = 16_384


@dataclass(frozen=True, slots=True)
class EdgeAnswer:
    """Answer of an edge to a postback."""

    status: int
    text: str


def tracking_url() -> str:
    """Return the address of links, pixels and postbacks; "" if this process does not know it."""
    return current_configuration().settings.web.tracking_url


def send_postback(query: str, *, test: bool, body: str = "", content_type: str = "") -> EdgeAnswer:
    """Send a postback to an edge; with `test` it is checked and answered, and not recorded. Raises Unavailable."""
    url = tracking_url()
    if not url:
        raise Unavailable("the address of the edges is not known here; set CLEW_WEB__TRACKING_URL")
    query = "&".join(part for part in query.split("&") if part and part.partition("=")[0] != "test")
    if test:
        query = f"{query}&test=1" if query else "test=1"
    verify = ssl.create_default_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    target = httpx.URL(f"{url}/postback").copy_with(query=query.encode("utf-8", "replace"))
    headers = {"Content-Type": content_type} if body and content_type else {}
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_S, verify=verify, trust_env=False) as client,
            client.stream(
                "POST" if body else "GET", target, headers=headers, content=body.encode("utf-8", "replace") or None
            ) as response,
        ):
            content = b""
            for part in response.iter_bytes():
                content += part
                if len(content) >= _ANSWER_BYTES_MAX:
                    break
            return EdgeAnswer(response.status_code, content[:_ANSWER_BYTES_MAX].decode("utf-8", "replace"))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Unavailable(f"no edge answers at {url} ({type(error).__name__})") from None
