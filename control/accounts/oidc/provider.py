"""Requests to one provider: its documents, tokens and claims, with bounds on time, size and number."""

import ssl
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore, Lock
from typing import Any
from urllib.parse import quote, urlencode

import httpcore
import orjson

from control.accounts.oidc.errors import AnswerRefused, ProviderUnavailable
from control.configuration import current_configuration
from control.deadline import BoundedStream, Deadline
from runtime.clock import Clock, SystemClock
from runtime.logs import Throttled, logger
from runtime.oidc_settings import OidcProvider, OidcSettings, is_safe_url

_log = Throttled(logger("oidc"))
_WELL_KNOWN = "/.well-known/openid-configuration"
_ADDRESSES = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_KEYS_AGE_MIN_S = 30
"""Keys are not read again sooner, so that tokens with invented keys cause few requests."""
_TURN_WAIT_MAX_S = 1
_FAILURES = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, UnicodeError)

Document = dict[str, Any]


class Provider:
    """One provider. Threads share it."""

    def __init__(self, key: str, settings: OidcSettings, secret: str, clock: Clock) -> None:
        self.key, self.name, self.settings = key, settings.name_of(key), settings.providers[key]
        self._limits, self._secret, self._clock = settings, secret, clock
        self._turns = BoundedSemaphore(settings.requests_max)
        self._kept: dict[str, tuple[Document, float]] = {}
        self._lock = Lock()

    def is_for(self, settings: OidcSettings, secret: str) -> bool:
        """Return whether this is the provider of these settings."""
        return self._limits == settings and self._secret == secret

    def document(self) -> Document:
        """Return the provider's description of itself. Raises ProviderUnavailable."""
        return self._kept_or_read(
            "document", self.settings.issuer.rstrip("/") + _WELL_KNOWN, self._limits.documents_age_max_s
        )

    def keys(self, *, fresh: bool = False) -> list[Document]:
        """Return the keys with which the provider signs. Raises ProviderUnavailable."""
        age_max_s = _KEYS_AGE_MIN_S if fresh else self._limits.documents_age_max_s
        keys = self._kept_or_read("keys", str(self.document()["jwks_uri"]), age_max_s).get("keys")
        return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []

    def tokens(self, code: str, verifier: str, redirect_uri: str) -> Document:
        """Exchange a code for tokens. Raises ProviderUnavailable, and AnswerRefused if the code is refused."""
        document = self.document()
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier,
        }  # fmt: skip
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        ways = document.get("token_endpoint_auth_methods_supported")
        if isinstance(ways, list) and "client_secret_post" in ways:
            form |= {"client_id": self.settings.client_id, "client_secret": self._secret}
        else:  # the way that every provider must know
            pair = f"{quote(self.settings.client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        status, answer = self._send("POST", str(document["token_endpoint"]), headers, urlencode(form).encode())
        if status != 200:
            error = str(answer.get("error", ""))[:100]
            if status >= 500 or error in ("invalid_client", "unauthorized_client"):
                raise self._failed(f"the token endpoint answered {status} {error}")
            raise AnswerRefused(f"the token endpoint answered {status} {error}")
        return answer

    def claims_of_user(self, access_token: str) -> Document:
        """Return what the provider says about a person. Raises ProviderUnavailable."""
        address = str(self.document().get("userinfo_endpoint", ""))
        if not is_safe_url(address):
            raise self._failed("the document names no userinfo_endpoint")
        status, answer = self._send("GET", address, {"Authorization": f"Bearer {access_token}"})
        if status != 200:
            raise self._failed(f"the userinfo endpoint answered {status}")
        return answer

    def _kept_or_read(self, name: str, address: str, age_max_s: float) -> Document:
        now_s = self._clock.monotonic_s()
        with self._lock:
            kept = self._kept.get(name)
        if kept is not None and now_s - kept[1] < age_max_s:
            return kept[0]
        status, answer = self._send("GET", address)
        if status != 200:
            raise self._failed(f"{address} answered {status}")
        if name == "document":
            self._check(answer)
        with self._lock:
            self._kept[name] = (answer, now_s)
        return answer

    def _check(self, document: Document) -> None:
        """Refuse a document of another issuer, or with addresses to which nothing secret may go."""
        if document.get("issuer") != self.settings.issuer:
            raise self._failed(
                f"the document is of the issuer {str(document.get('issuer'))[:200]!r}; "
                f"set CLEW_OIDC__PROVIDERS__{self.key.upper()}__ISSUER to exactly that"
            )
        for name in _ADDRESSES:
            if not is_safe_url(str(document.get(name, ""))):
                raise self._failed(f"{name} of the document is not an https address")

    def _send(
        self, method: str, address: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, Document]:
        """Send a request; return status and answer. Redirects are not followed. Raises ProviderUnavailable."""
        given = {"Accept": "application/json", "User-Agent": "Clew", **(headers or {})}
        deadline = Deadline(self._clock, self._limits.request_timeout_s)
        with self._turn(), self._errors_as_unavailable(), _pool(address, deadline) as pool:
            pairs = [(name.encode(), value.encode()) for name, value in given.items()]
            with pool.stream(method, address, headers=pairs, content=body) as response:
                content = b"".join(self._bounded(response.iter_stream()))
                status = response.status
        try:
            answer = orjson.loads(content)
        except orjson.JSONDecodeError:
            answer = None
        if isinstance(answer, dict):
            return status, answer
        if status == 200:
            raise self._failed(f"the answer of {address} is not a JSON object")
        return status, {}

    def _bounded(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        size_bytes = 0
        for chunk in chunks:
            size_bytes += len(chunk)
            if size_bytes > self._limits.answer_bytes_max:
                raise self._failed(f"an answer is longer than {self._limits.answer_bytes_max} bytes")
            yield chunk

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait shortly while the most requests are under way: a slow provider must not take all threads."""
        if not self._turns.acquire(timeout=_TURN_WAIT_MAX_S):
            raise self._failed("too many sign-ins wait for it")
        try:
            yield
        finally:
            self._turns.release()

    @contextmanager
    def _errors_as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except httpcore.TimeoutException:
            raise self._failed(f"no answer within {self._limits.request_timeout_s} s") from None
        except _FAILURES as error:
            raise self._failed(f"{type(error).__name__}: {error}") from None

    def _failed(self, why: str) -> ProviderUnavailable:
        _log.warning("oidc_provider_failed", provider=self.key, error=why[:500])
        return ProviderUnavailable(f"{self.name} cannot be reached now, or is not set up rightly")


class _Network(httpcore.NetworkBackend):
    """Connects within the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._inner, self._deadline = httpcore.SyncBackend(), deadline

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        inner = self._inner.connect_tcp(host, port, self._deadline.left_s(), local_address, socket_options)
        return BoundedStream(inner, self._deadline)


def _pool(address: str, deadline: Deadline) -> httpcore.ConnectionPool:
    context = _tls() if address.startswith("https:") else None
    return httpcore.ConnectionPool(ssl_context=context, max_connections=1, network_backend=_Network(deadline))


@cache
def _tls() -> ssl.SSLContext:
    """Return the system's authorities: a company may sign certificates itself."""
    return ssl.create_default_context()


_providers: dict[str, Provider] = {}
_lock = Lock()


def find_provider(key: str) -> Provider | None:
    """Return a provider of this installation; None if there is none of this ID."""
    configuration = current_configuration()
    settings = configuration.settings.oidc
    if key not in settings.providers:
        return None
    secret = configuration.oidc_secrets.get(key) or settings.providers[key].client_secret or ""
    with _lock:
        found = _providers.get(key)
        if found is None or not found.is_for(settings, secret):
            found = _providers[key] = Provider(key, settings, secret, SystemClock())
        return found


def settings_of_issuer(issuer: str) -> tuple[str, OidcProvider] | None:
    """Return ID and settings of the provider that has an issuer; None if it is not set up any more."""
    providers = current_configuration().settings.oidc.providers
    return next(((key, found) for key, found in providers.items() if found.issuer == issuer), None)
