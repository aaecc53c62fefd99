"""Programs inferred from histories: their offers, partners and numbers, and their validity."""

import re
import stat
from pathlib import Path

import pytest

from integrations.files.infer_program import InferError, infer, new_api_key, write_program
from program.entries import Link, Plan
from program.file import read_program
from program.terms import GoalTerms
from tests.integrations.histories import ACCESS_LOG, API_KEY, CLICKS, JOURNEYS, mapping_of, parsed, program_of, written

DAY_US = 86_400_000_000
PROGRAM = '[program]\ncurrency = "USD"\nlanding_url = "https://shop.example/"\n'


def test_numbers_are_kept(tmp_path: Path) -> None:
    program = program_of(written(tmp_path, CLICKS, packed=True), mapping_of("talkingdata"))
    terms, routes, labels = program.terms, program.routes, program.labels
    assert list(routes.partners) == [21, 497] and list(routes.offers) == [3, 5, 12]
    assert routes.links == {
        "3-21": Link("3-21", 3, 21),
        "5-21": Link("5-21", 5, 21),
        "12-497": Link("12-497", 12, 497),
    }
    assert labels.offers[12] == "App 12" and labels.partners[21] == "Channel 21"
    assert terms.offers[3].goals == (GoalTerms("install"),) and labels.goals[3] == {"install": "Install"}
    assert terms.plans[0] == Plan(3, goal="install", fixed_minor=100, fixed_currency="USD")
    assert len(terms.plans) == 3 and terms.models == ("last_click",)


def test_names_are_numbered_in_sorted_order(tmp_path: Path) -> None:
    program = program_of(written(tmp_path, JOURNEYS), mapping_of("journeys"))
    assert program.labels.partners == {1: "Search, paid", 2: "Some Display", 3: "Videos"}
    offer = program.terms.offers[1]
    assert program.labels.offers[1] == "Shop"
    assert (offer.click_window_us, offer.impression_window_us) == (31 * DAY_US, 31 * DAY_US)
    assert program.routes.links["Some_Display"] == Link("Some_Display", 1, 2)
    assert program.terms.models == ("last_click", "linear")
    assert program.secrets.api_keys == (API_KEY,)


def test_the_order_of_lines_changes_nothing(tmp_path: Path) -> None:
    head, *lines = CLICKS.splitlines()
    turned = "\n".join((head, *reversed(lines))) + "\n"
    mapping = mapping_of("talkingdata")
    first = infer(written(tmp_path, CLICKS), mapping, API_KEY).text
    assert infer(written(tmp_path, turned), mapping, API_KEY).text == first


def test_an_access_log_has_one_link(tmp_path: Path) -> None:
    inferred = infer(written(tmp_path, ACCESS_LOG), mapping_of("access_log"), API_KEY)
    reading = read_program(inferred.text, lambda name: None)
    assert reading.program is not None
    assert reading.program.routes.links == {"site": Link("site", 1, 1)}
    assert reading.program.routes.trusted_proxies == ("127.0.0.1/32", "::1/128")
    assert (inferred.counted.lines, inferred.counted.problems) == (5, 1)
    assert inferred.counted.shown[0].line == 3


def test_special_characters_in_names_are_escaped(tmp_path: Path) -> None:
    text = """\
[source]
[[event]]
type = "click"
ts = "{t}"
offer = "{o}"
partner = "{p}"
[program]
name = "Quotes \\" and \\\\"
currency = "USD"
landing_url = "https://shop.example/"
offer_name = "{id}. {name}"
"""
    names = ['a "quoted" one', "back\\slash", "# no comment", "'''", "日本", "a-b", "a b", "a_b"]
    quoted = (f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names)
    csv = "t,o,p\n" + "".join(f"2018-01-01,{name},x\n" for name in quoted)
    program = program_of(written(tmp_path, csv), parsed(text))
    assert list(program.labels.offers.values()) == [f"{number}. {name}" for number, name in enumerate(sorted(names), 1)]
    assert len(program.routes.links) == len(names)
    assert program.labels.program == 'Quotes " and \\'


def test_a_link_of_two_offers_or_partners_is_an_error(tmp_path: Path) -> None:
    event = '[source]\n[[event]]\ntype = "click"\nts = "{t}"\noffer = "{o}"\npartner = "{p}"\n'
    path = written(tmp_path, "t,o,p\n2018-01-01,a-b,c\n2018-01-01,a,b-c\n")
    with pytest.raises(InferError, match="a-b-c would lead to"):
        infer(path, parsed(event + PROGRAM), API_KEY)
    assert len(program_of(path, parsed(event + PROGRAM + 'link_code = "{offer}~{partner}"')).routes.links) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[source]\n[[event]]\ntype = "click"\nts = "{t}"\nlink = "{o}"\n', "has no \\[program\\]"),
        ('[source]\n[[event]]\ntype = "click"\nts = "{t}"\nlink = "{o}"\n' + PROGRAM, "without their offer"),
        (
            '[source]\n[[event]]\ntype = "conversion"\nts = "{t}"\nuser_id = "u"\noffer_id = "{o}"\n' + PROGRAM,
            "no line names an offer; line 2: 'x' is not a number",
        ),
    ],
)
def test_histories_without_a_program(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InferError, match=says):
        infer(written(tmp_path, "t,o\n2018-01-01,x\n"), parsed(text), API_KEY)


def test_progress_is_reported(tmp_path: Path) -> None:
    told: list[tuple[int, int, int]] = []
    path = written(tmp_path, CLICKS)
    infer(path, mapping_of("talkingdata"), API_KEY, lambda *numbers: told.append(numbers))
    assert told == [(5, path.stat().st_size, path.stat().st_size)]


def test_only_the_owner_can_read_a_program(tmp_path: Path) -> None:
    path = tmp_path / "program.toml"
    write_program(path, "first")
    write_program(path, "second")
    assert path.read_text() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_api_keys_are_long_and_plain() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", new_api_key(lambda count: bytes(range(count))))


@pytest.mark.parametrize(
    ("name", "file", "offers", "partners", "links"),
    [
        ("talkingdata", "talkingdata_clicks.csv.gz", 161, 161, 443),
        ("journeys", "journeys_2018.csv.gz", 1, 5, 5),
        ("access_log", "apache_access_log.gz", 1, 1, 1),
    ],
)
def test_public_histories(shared_data: Path, name: str, file: str, offers: int, partners: int, links: int) -> None:
    inferred = infer(shared_data / file, mapping_of(name), API_KEY)
    assert (inferred.offers, inferred.partners, len(inferred.counted.links)) == (offers, partners, links)
    assert inferred.counted.problems == 0
