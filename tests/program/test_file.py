"""Program files: the program of a valid file, and every mistake of an invalid one with its place."""

import time

import pytest

from program.checks import Draft, check_draft
from program.entries import Link, Offer, Partner, Plan
from program.file import ProgramReading, read_program
from program.terms import GoalTerms, PartnerTerms, canonical, from_canonical
from program.toml.tables import Book

GOOD = """\
[program]
name = "Acme Partners"
currency = "USD"
timezone = "Europe/Berlin"
fallback_url = "https://acme.example/"
api_keys = ["secret-for-v1-events", "env:SECOND_KEY"]
trusted_proxies = ["10.0.0.0/8", "::1"]
[[partner]]
id = 7
name = "Blue Lagoon"
[[partner]]
id = 8
status = "inactive"
[[offer]]
id = 101
name = "Shoes"
landing_url = "https://shop.example/?cid={click_id}&p={partner_id}&s={sub30}"
allowed_hosts = ["shop.example", "*.Shop.example"]
click_window = "90m"
postback_secret = "env:SHOES"
goals = [{ key = "1", name = "Purchase" }, { key = "lead" }]
[[offer]]
id = 4294967295
landing_url = "https://hats.example/{sub1}?cid={click_id}"
postback_secret = "s3cret"
[[link]]
code = "bl-shoes"
offer = 101
partner = 7
[[plan]]
offer = 101
percent = "8.5"
fixed = "1.20 USD"
hold = "14d"
[[plan]]
offer = 101
goal = "lead"
percent = 0.000001
model = "linear"
[[plan]]
offer = 4294967295
partner = 8
percent = 5
hold = "0s"
"""
ENVIRONMENT = {"SECOND_KEY": "key-out-of-the-environment", "SHOES": "h1dden", "EMPTY": ""}


def read(text: str) -> ProgramReading:
    return read_program(text, ENVIRONMENT.get)


def places(reading: ProgramReading) -> list[tuple[int, str]]:
    return [(mistake.line, mistake.place) for mistake in reading.mistakes]


def test_a_valid_file_gives_a_program() -> None:
    reading = read(GOOD)
    assert (reading.mistakes, reading.warnings) == ((), ())
    assert reading.program is not None
    terms, routes, labels, secrets = (getattr(reading.program, name) for name in reading.program.__struct_fields__)
    assert (labels.program, terms.currency, terms.timezone) == ("Acme Partners", "USD", "Europe/Berlin")
    assert routes.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert labels.partners[8] == "Partner 8" and routes.partners[8] == "inactive"
    assert terms.partners == {8: PartnerTerms("inactive", "partner")}, "7 is an ordinary partner"
    shoes, hats = terms.offers[101], terms.offers[2**32 - 1]
    assert routes.offers[101].allowed_hosts == ("shop.example", "*.shop.example")
    assert (shoes.click_window_us, shoes.impression_window_us) == (5_400_000_000, 86_400_000_000)
    assert shoes.goals == (GoalTerms("1"), GoalTerms("lead"))
    assert labels.goals[101] == {"1": "Purchase", "lead": "lead"}
    assert hats.goals == (GoalTerms("1"),) and labels.goals[2**32 - 1] == {"1": "Conversion"}
    assert labels.offers[2**32 - 1] == "Offer 4294967295"
    assert routes.links["bl-shoes"].partner_id == 7
    assert terms.plans[0] == Plan(101, None, None, 8_500_000, 120, "USD", 14 * 86_400_000_000, "last_click")
    assert (terms.plans[1].percent_e6, terms.plans[2].percent_e6) == (1, 5_000_000)
    assert terms.models == ("last_click", "linear")
    assert secrets.api_keys == ("secret-for-v1-events", "key-out-of-the-environment")
    assert secrets.postback_secrets == {101: "h1dden", 2**32 - 1: "s3cret"}


def test_the_hash_of_a_program_depends_on_its_content() -> None:
    reading, commented = read(GOOD), read("# a comment\r\n" + GOOD.replace("\n", "\r\n"))
    assert reading.program is not None and commented.program is not None
    assert commented.program.hash == reading.program.hash
    assert from_canonical(canonical(reading.program.terms)).offers == reading.program.terms.offers
    other = read(GOOD.replace("8.5", "8.6")).program
    assert other is not None and other.hash != reading.program.hash
    moved = GOOD.replace('[[partner]]\nid = 8\nstatus = "inactive"\n', "")
    same = read(moved + '[[partner]]\nid = 8\nstatus = "inactive"\n').program
    assert same is not None and same.hash == reading.program.hash
    secret = read(GOOD.replace("secret-for-v1-events", "another-secret-for-events")).program
    assert secret is not None and secret.hash == reading.program.hash


def test_secrets_are_never_shown() -> None:
    text = GOOD.replace('"s3cret"', '"s3 cret"').replace('"secret-for-v1-events"', '["secret-for-v1-events"]')
    for reading in (read(GOOD), read(text), read(GOOD.replace('"s3cret"', '"s3cret'))):
        shown = repr(reading) + "".join(map(str, reading.mistakes + reading.warnings))
        for secret in ("s3cret", "s3 cret", "secret-for-v1-events", "h1dden", "key-out-of-the-environment"):
            assert secret not in shown


def test_all_mistakes_at_once_with_their_places() -> None:
    text = """\
[program]
nam = "x"
currency = "usd"
timezone = "Europe"
fallback_url = "https://acme.example/{click_id}"
api_keys = ["", 3, "env:NOPE", "a b"]
trusted_proxies = ["10.0.0.1/8", "x"]
[[partner]]
id = 7
[[partner]]
id = 7
status = "on"
[[partner]]
id = 0
[[offer]]
id = true
[[offer]]
id = 1
landing_url = "https://{sub1}.shop.example/"
allowed_hosts = ["*", "http://x", "fine.example"]
click_window = "30"
impression_window = "0d"
postback_secret = "env:EMPTY"
goals = [{ key = "1" }, { key = "1" }, { nam = "x" }, 4]
[[link]]
code = "a b"
offer = 9
partner = 9
[[link]]
code = "x"
offer = 1
partner = 7
[[link]]
code = "x"
offer = 1
partner = 7
[[plan]]
offer = 1
goal = "2"
percent = 8.5
hold = "-1d"
model = "guess"
[[plan]]
offer = 1
goal = "1"
percent = "1001"
fixed = "1.234 USD"
[[plan]]
offer = 1
goal = "1"
[[plan]]
offer = 2
partner = 3
fixed = "1 USD"
[attribution]
models = ["last_click", "best"]
[attributions]
"""
    assert places(read(text)) == [
        (2, "program.nam"),
        (3, "program.currency"),
        (4, "program.timezone"),
        (5, "program.fallback_url"),
        (6, "program.api_keys[0]"),
        (6, "program.api_keys[1]"),
        (6, "program.api_keys[2]"),
        (6, "program.api_keys[3]"),
        (7, "program.trusted_proxies[0]"),
        (7, "program.trusted_proxies[1]"),
        (11, "partner[1].id"),
        (12, "partner[1].status"),
        (14, "partner[2].id"),
        (15, "offer[0].landing_url"),
        (16, "offer[0].id"),
        (19, "offer[1].landing_url"),
        (20, "offer[1].allowed_hosts[0]"),
        (20, "offer[1].allowed_hosts[1]"),
        (21, "offer[1].click_window"),
        (22, "offer[1].impression_window"),
        (23, "offer[1].postback_secret"),
        (24, "offer[1].goals[1].key"),
        (24, "offer[1].goals[2].key"),
        (24, "offer[1].goals[2].nam"),
        (24, "offer[1].goals[3]"),
        (26, "link[0].code"),
        (27, "link[0].offer"),
        (28, "link[0].partner"),
        (34, "link[2].code"),
        (39, "plan[0].goal"),
        (41, "plan[0].hold"),
        (42, "plan[0].model"),
        (46, "plan[1].percent"),
        (47, "plan[1].fixed"),
        (48, "plan[2]"),
        (48, "plan[2].percent"),
        (52, "plan[3].offer"),
        (53, "plan[3].partner"),
        (56, "attribution.models[1]"),
        (57, "attributions"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "place"),
    [
        ("", 1, "program"),
        ("\n \n", 1, "program"),
        ("x", 1, ""),
        ('[program]\ncurrency = "USD\n', 2, ""),
        ("[program]\na = 1\na = 2\n", 3, ""),
        ("a = " + "[" * 5_000, 1, ""),
        ("[[partner]]\nid = 1\n", 1, "program"),
        ("[program]\n", 1, "program.currency"),
        ('[program]\ncurrency = "USD"\n[partner]\nid = 1\n', 3, "partner"),
        ('program = "x"\n', 1, "program"),
        ('[[program]]\ncurrency = "USD"\n', 1, "program"),
        ('[program]\ncurrency = "USD"\nname = "a\\u0000b"\n', 3, "program.name"),
        ('[program]\ncurrency = "USD"\napi_keys = "k"\n', 3, "program.api_keys"),
        ("[program]\ncurrency = 1979-05-27\n", 2, "program.currency"),
    ],
)
def test_files_without_a_program_are_refused_with_the_line(text: str, line: int, place: str) -> None:
    reading = read(text)
    assert reading.program is None
    assert (line, place) in places(reading)


def test_a_program_may_start_empty() -> None:
    reading = read('\ufeff[program]\ncurrency = "JPY"\n')
    assert reading.program is not None
    assert reading.program.terms.models == ("last_click",)
    assert reading.program.routes.fallback_url == ""
    assert len(reading.warnings) == 3


def test_warnings_name_what_could_cost_money() -> None:
    text = """\
[program]
currency = "EUR"
fallback_url = "https://acme.example/"
api_keys = ["short"]
trusted_proxies = ["0.0.0.0/0"]
[[partner]]
id = 1
name = "A"
[[partner]]
id = 2
name = "A"
[[offer]]
id = 1
landing_url = "http://shop.example/"
goals = [{ key = "sale" }, { key = "lead" }]
[[plan]]
offer = 1
goal = "sale"
percent = "120"
fixed = "1 USD"
"""
    reading = read(text)
    assert reading.mistakes == ()
    assert [(w.line, w.place) for w in reading.warnings] == [
        (4, "program.api_keys"),
        (5, "program.trusted_proxies[0]"),
        (6, "partner[0]"),
        (9, "partner[1]"),
        (11, "partner[1].name"),
        (12, "offer[0]"),
        (12, "offer[0]"),
        (14, "offer[0].landing_url"),
        (14, "offer[0].landing_url"),
        (19, "plan[0].percent"),
        (20, "plan[0].fixed"),
    ]
    assert any("could fire conversions" in w.message for w in reading.warnings)


def test_many_warnings_of_a_kind_are_counted() -> None:
    head = '[program]\ncurrency = "EUR"\nfallback_url = "https://a.example"\napi_keys = ["0123456789abcdef"]\n'
    partners = "".join(f'[[partner]]\nid = {number}\nname = "{number}"\n' for number in range(1, 101))
    warnings = read(head + partners).warnings
    assert len(warnings) == 1 + 5
    assert "95 more" in warnings[-1].message


def test_the_time_of_checks_grows_linearly() -> None:
    numbers = range(1, 20_001)
    draft = Draft(currency="USD", offers=[(("offer", 0), Offer(1, "Shoes", "https://shop.example/"))])
    draft.partners = [(("partner", n), Partner(n, f"P{n}")) for n in numbers]
    draft.links = [(("link", n), Link(str(n), 1, n)) for n in numbers]
    started_s = time.process_time()
    check_draft(draft, Book(""))
    assert time.process_time() - started_s < 2  # a set built for each partner takes 10 s
