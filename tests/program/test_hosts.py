"""Hosts of a program file: as browsers read them, with warnings and mistakes."""

import pytest

from tests.program.test_file import GOOD, read

HOSTS = 'allowed_hosts = ["shop.example", "*.Shop.example"]'


def test_hosts_are_read_as_browsers_read_them() -> None:
    assert HOSTS in GOOD
    reading = read(GOOD.replace(HOSTS, 'allowed_hosts = ["faß.example", "*.ς.example", "*.MÜNCHEN.example"]'))
    assert reading.program is not None
    hosts = reading.program.routes.offers[101].allowed_hosts
    assert hosts == ("xn--fa-hia.example", "*.xn--3xa.example", "*.xn--mnchen-3ya.example")
    assert [warning.place for warning in reading.warnings] == ["offer[0].allowed_hosts[0]", "offer[0].allowed_hosts[1]"]
    assert "xn--fa-hia.example" in reading.warnings[0].message


@pytest.mark.parametrize("host", ["xn--a.example", "a" * 64 + ".example", "1.2.3", "-a.example", "a.*.example", "a/b"])
def test_hosts_that_no_browser_accepts_are_mistakes(host: str) -> None:
    mistakes = read(GOOD.replace(HOSTS, f'allowed_hosts = ["fine.example", "{host}"]')).mistakes
    assert [mistake.place for mistake in mistakes] == ["offer[0].allowed_hosts[1]"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://xn--a.example/{click_id}", "no browser accepts"),
        (f"https://{'a' * 64}.example/" + "{click_id}", "no browser accepts"),
        ("https://shop.123/{click_id}", "no browser accepts"),
        ("https://faß.example/{click_id}", "write xn--fa-hia.example"),
    ],
)
def test_landing_hosts(url: str, message: str) -> None:
    text = '[program]\ncurrency = "USD"\n[[offer]]\nid = 1\nlanding_url = "' + url + '"\n'
    reading = read(text)
    assert [mistake.place for mistake in reading.mistakes] == ["offer[0].landing_url"]
    assert message in reading.mistakes[0].message
    assert not any("does not pass {click_id} on" in warning.message for warning in reading.warnings)


def test_an_ipv6_landing_host_is_fine() -> None:
    text = '[program]\ncurrency = "USD"\n[[offer]]\nid = 1\nlanding_url = "http://[2001:db8::1]:8080/{click_id}"\n'
    assert read(text).mistakes == ()
