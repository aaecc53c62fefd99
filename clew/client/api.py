"""The clients: connection, and one attribute for each resource of the API."""

from types import TracebackType
from typing import Self

import httpx

from clew.client.resources import AsyncResources, Resources
from clew.client.transport import ATTEMPTS_MAX, TIMEOUT_S, AsyncTransport, Transport


class Client(Resources):
    """Client of the API. Use it as a context manager, or close it; threads may share one."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        attempts_max: int = ATTEMPTS_MAX,
        http: httpx.Client | None = None,
    ) -> None:
        """Connect to the control plane at an address such as https://partners.acme.example.

        `http` is for proxies, certificates and pools that you set up; close it yourself then.
        """
        self._own = http is None
        self._http = http if http is not None else httpx.Client(timeout=timeout_s)
        super().__init__(Transport(self._http, url, key, attempts_max))

    def close(self) -> None:
        """Close the connections."""
        if self._own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(AsyncResources):
    """Client of the API for asyncio. Use it as a context manager, or close it."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        attempts_max: int = ATTEMPTS_MAX,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Connect to the control plane at an address such as https://partners.acme.example.

        `http` is for proxies, certificates and pools that you set up; close it yourself then.
        """
        self._own = http is None
        self._http = http if http is not None else httpx.AsyncClient(timeout=timeout_s)
        super().__init__(AsyncTransport(self._http, url, key, attempts_max))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
