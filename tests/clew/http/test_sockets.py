"""Listening sockets, and the URLs of their ports."""

import pytest

from clew.http.sockets import bind, reach_url, url_of


@pytest.mark.parametrize(("host", "reached"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")])
def test_a_socket_on_all_addresses_is_reached_on_this_machine(host: str, reached: str) -> None:
    with bind(host, 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://{host}:{port}" and reach_url(listener) == f"http://{reached}:{port}"
