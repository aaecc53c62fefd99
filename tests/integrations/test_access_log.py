"""Access log lines of every shape: who sent the request, what was quoted, and work that grows with the line only."""

import time

import pytest

from integrations.files.access_log import ACCESS_LOG_COLUMNS, parse_line

REQUEST = '[17/May/2015:10:05:03 +0000] "GET /a?b=1 HTTP/1.1" 200 512'


def values_of(line: str) -> dict[str, str]:
    values = parse_line(line)
    assert isinstance(values, dict), values
    return values


@pytest.mark.parametrize(
    ("before", "host", "user", "vhost"),
    [
        ("192.0.2.10 - -", "192.0.2.10", "", ""),
        ("2001:db8::7 - joe", "2001:db8::7", "joe", ""),
        ("192.0.2.10 - John Q. Smith", "192.0.2.10", "John Q. Smith", ""),
        ("192.0.2.10 - smith, john", "192.0.2.10", "smith, john", ""),
        ('192.0.2.10 - ""', "192.0.2.10", "", ""),
        ("shop.example 192.0.2.10 - -", "192.0.2.10", "", "shop.example"),
        ("shop.example:443 192.0.2.10 - joe doe", "192.0.2.10", "joe doe", "shop.example:443"),
        ("198.51.100.1:8443 192.0.2.10 - -", "192.0.2.10", "", "198.51.100.1:8443"),
        ("shop.example:80 2001:db8::7 - -", "2001:db8::7", "", "shop.example:80"),
        ("192.0.2.10 shop.example - joe", "192.0.2.10", "joe", "shop.example"),
        ("192.0.2.10, 198.51.100.2 - -", "192.0.2.10", "", ""),
        ("192.0.2.10,198.51.100.2,203.0.113.3 - joe", "192.0.2.10", "joe", ""),
        ("10.0.0.5, 192.0.2.10, 198.51.100.2 - -", "192.0.2.10", "", ""),
        ("unknown, 192.0.2.10 - -", "192.0.2.10", "", ""),
        ("192.0.2.10, 10.1.1.1 10.0.0.2 - -", "192.0.2.10", "", ""),
        ("shop.example 192.0.2.10, 10.1.1.1 - -", "192.0.2.10", "", "shop.example"),
        ("192.0.2.10 10.0.0.2 - -", "192.0.2.10", "", ""),
        ("10.0.0.2 192.0.2.10 - -", "192.0.2.10", "", ""),
        ("- 192.0.2.10 - -", "192.0.2.10", "", ""),
        ("192.0.2.10:51234 - -", "192.0.2.10", "", ""),
        ("[2001:db8::7]:443 - -", "2001:db8::7", "", ""),
        ("::ffff:192.0.2.10 - -", "192.0.2.10", "", ""),
        ("10.0.0.2 - -", "10.0.0.2", "", ""),
        ("crawler.example.net - -", "crawler.example.net", "", ""),
        ("crawler.example.net - joe doe", "crawler.example.net", "joe doe", ""),
        ("shop.example crawler.example.net - -", "crawler.example.net", "", "shop.example"),
        ("- - -", "", "", ""),
    ],
)
def test_words_before_the_time(before: str, host: str, user: str, vhost: str) -> None:
    values = values_of(f"{before} {REQUEST}")
    assert (values["host"], values["user"], values["vhost"], values["ident"]) == (host, user, vhost, "")
    assert set(values) == set(ACCESS_LOG_COLUMNS)


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("192.0.2.10 198.51.100.2 - -", "two public addresses"),
        ("one two three four", "none of them is an address"),
        ("May 17 10:05:03 web1 nginx:", "none of them is an address"),
        ("192.0.2.10 - " + "a " * 64, "more than 64 words"),
        ("192.0.2.10 -", "not a line of an access log"),
        ("", "not a line of an access log"),
    ],
)
def test_words_that_leave_the_sender_open_are_problems(before: str, says: str) -> None:
    message = parse_line(f"{before} {REQUEST}")
    assert isinstance(message, str) and says in message


@pytest.mark.parametrize(
    ("after", "referrer", "agent"),
    [
        ("", "", ""),
        (' "-" "-"', "", ""),
        (' "" "Mozilla/5.0"', "", "Mozilla/5.0"),
        (' - "Mozilla/5.0"', "", "Mozilla/5.0"),
        (' - "http://r.test/" "Agent 1"', "http://r.test/", "Agent 1"),
        (' 1234 "http://r.test/" "Agent 1" "-"', "http://r.test/", "Agent 1"),
        (r' "http://r.test/?q=\"x\"" "Agent \"A\" 1"', 'http://r.test/?q="x"', 'Agent "A" 1'),
        (' "http://r.test/" "Agent 1" 0.005 shop.example "10.0.0.1:80"', "http://r.test/", "Agent 1"),
        (' "http://r.test/" "Agent "A" 1"', "http://r.test/", 'Agent "A" 1'),
        (' "http://r.test/" "Agent (A', "http://r.test/", "Agent (A"),
        (' "http://r.test/', "http://r.test/", ""),
        (r' "-" "ends with a backslash\\"', "", "ends with a backslash\\"),
    ],
)
def test_quoted_values_after_the_size(after: str, referrer: str, agent: str) -> None:
    values = values_of(f"192.0.2.10 - - {REQUEST}{after}")
    assert (values["referrer"], values["user_agent"]) == (referrer, agent)
    assert (values["path"], values["status"], values["bytes"]) == ("/a?b=1", "200", "512")


@pytest.mark.parametrize(
    ("address", "forwarded", "host"),
    [
        ("10.0.0.2", "192.0.2.10", "192.0.2.10"),
        ("10.0.0.2", "192.168.1.5, 192.0.2.10, 10.0.0.9", "192.0.2.10"),
        ("10.0.0.2", "-", "10.0.0.2"),
        ("10.0.0.2", "unknown", "10.0.0.2"),
        ("10.0.0.2", "extra", "10.0.0.2"),
        ("198.51.100.7", "192.0.2.10", "198.51.100.7"),
    ],
)
def test_the_address_behind_a_proxy_as_nginx_logs_it(address: str, forwarded: str, host: str) -> None:
    line = f'{address} - - {REQUEST} "-" "Agent 1" "{forwarded}"'
    assert values_of(line)["host"] == host


@pytest.mark.parametrize(
    ("logged", "request_line", "path"),
    [
        (r"GET /?q=\"a\" HTTP/1.1", 'GET /?q="a" HTTP/1.1', '/?q="a"'),
        ('GET /?q="a" HTTP/1.1', 'GET /?q="a" HTTP/1.1', '/?q="a"'),
        ("GET /a b HTTP/1.1", "GET /a b HTTP/1.1", "GET /a b HTTP/1.1"),
        ("-", "", ""),
        ("", "", ""),
        (r"\x16\x03\x01", "\x16\x03\x01", "\x16\x03\x01"),
    ],
)
def test_requests(logged: str, request_line: str, path: str) -> None:
    values = values_of(f'192.0.2.10 - - [17/May/2015:10:05:03 +0000] "{logged}" 408 -')
    assert (values["request"], values["bytes"], values["status"]) == (request_line, "", "408")
    assert values["path"] == path


@pytest.mark.parametrize("escaped", ['""', r"\""])
def test_a_line_in_quotes_as_a_whole(escaped: str) -> None:
    line = f'192.0.2.14 - - {REQUEST} "-" "Agent 1"'.replace('"', escaped)
    values = values_of(f'"{line}"')
    assert (values["host"], values["path"], values["user_agent"]) == ("192.0.2.14", "/a?b=1", "Agent 1")


@pytest.mark.parametrize(
    "line",
    [
        f"192.0.2.10 - - {REQUEST.replace('200', 'OK')}",
        f"192.0.2.10 - - {REQUEST.replace('512', '5k')}",
        '192.0.2.10 - - 17/May/2015:10:05:03 "GET / HTTP/1.1" 200 5',
        "192.0.2.10 - - [17/May/2015:10:05:03 +0000] GET / HTTP/1.1 200 5",
        '192.0.2.10 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1 200 5',
    ],
)
def test_lines_of_other_formats(line: str) -> None:
    assert parse_line(line) == "it is not a line of an access log in common or combined format"


START = '192.0.2.10 - - [x] "'
HOSTILE = {
    "words": ("a ", ""),
    "quotes": ('"', ""),
    "brackets": ("[", ""),
    "times": ('[x] "', ""),
    "addresses": ("192.0.2.1 ", REQUEST),
    "list": ("192.0.2.1, ", REQUEST),
    "dashes": ("- ", REQUEST),
    "request of quotes": ('"', ""),
    "request of backslashes": ("\\", ""),
    "requests that could end": ('" 200 5', ""),
    "rest of quotes": ('" 200 5 "a', ""),
    "spaces": (" ", '"'),
    "escaped bytes": ("\\xff", '" 200 5'),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("start", ["", START, f"192.0.2.10 - - {REQUEST} ", f'192.0.2.10 - - {REQUEST} "'])
def test_work_grows_with_the_length_of_a_line_and_no_faster(name: str, start: str) -> None:
    """A quadratic pattern needs 25 s for 128 KB, and sixteen times as long for four times the line."""
    unit, end = HOSTILE[name]

    def seconds(chars: int) -> float:
        line = start + unit * (chars // len(unit)) + end
        begin = time.thread_time()
        parse_line(line)
        return time.thread_time() - begin

    short, long = (min(seconds(chars) for _ in range(3)) for chars in (100_000, 400_000))
    assert long < 10 * short + 0.5
