"""Secrets never reach the log, whichever field, name, header or line they stand in."""

import json

import pytest

from tests.tracker.edge_fixture import API_KEY, SECRET, Stage, run
from tests.tracker.test_events import sale, touch
from tests.tracker.test_postbacks import token


def records(stage: Stage) -> bytes:
    return b"".join(value for values in stage.log.records.values() for value in values)


@pytest.mark.parametrize("secret", [SECRET, API_KEY])
@pytest.mark.parametrize("around", ["{}", "https://x.example/?secret={}", '{{"secret": "{}"}}', "{} ", "a{}b"])
def test_postbacks(stage: Stage, secret: str, around: str) -> None:
    text = around.format(secret)
    for fields in ({"callback": text}, {text: "x"}, {"callback": text, "goal": "nope"}, {"txn": text, "amount": "x"}):
        stage.postback(click_id=token(), **fields)
    assert len(stage.conversions) == 1 and len(stage.rejected) == 2
    assert secret.encode() not in records(stage)


@pytest.mark.parametrize("secret", [SECRET, API_KEY])
def test_links(stage: Stage, secret: str) -> None:
    headers = [(b"referer", f"https://x.example/?secret={secret}".encode())]
    for link in ("bl-shoes", "nope"):
        answer = stage.get(f"/c/{link}?sub1=a{secret}b&utm_source={secret}&user_id={secret}", headers=headers)
        assert answer.status == 302
    run(stage.ask("GET", "/i/bl-shoes.gif", user_agent=f"agent {secret}".encode()))
    assert len(stage.touches) == 2 and secret.encode() not in records(stage)


@pytest.mark.parametrize("secret", [SECRET, API_KEY])
def test_lines(stage: Stage, secret: str) -> None:
    lines = [
        touch(id="a", sub1=f"x{secret}"), sale(id="b", custom={"note": f"k={secret}"}),
        sale(id="c", goal="nope", custom={"secret": secret, "more": [1]}),
        f'{{"type": "click", "secret": "{secret}"'.encode(), json.dumps([secret]).encode(),
    ]  # fmt: skip
    stage.events(*lines)
    assert stage.touches and stage.conversions and len(stage.rejected) == 3
    assert secret.encode() not in records(stage)


def test_what_holds_no_secret_is_stored_as_it_came(stage: Stage) -> None:
    stage.click(sub1="ordinary ***")
    assert stage.touches[0].subs == {"sub1": "ordinary ***"}
