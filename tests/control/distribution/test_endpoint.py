"""The long poll: a key, at once if something is new, otherwise after the wait, and not too many at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from control.distribution.endpoint import LOOK_INTERVAL_S, ProgramEndpoints
from control.program.publishing import publish
from program.feed import CONTENTS_MAX, Answer, Contents, Wanted
from runtime.clock import SystemClock
from tests.control.databases import TestDatabase
from tests.control.program.sample import ANN, plan, shoes

KEY = "key-of-the-machines-of-this-test-is-long"
pytestmark = pytest.mark.usefixtures("committed_database")
ASKED = {"name": "vm/edge-0", "kind": "edge"}


@asynccontextmanager
async def _asking(endpoints: ProgramEndpoints, key: str = KEY) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=endpoints.routes()))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


def run(
    steps: Callable[[httpx.AsyncClient, ProgramEndpoints], Awaitable[None]], key: str = KEY, waiting_max: int = 9
) -> None:
    async def go() -> None:
        endpoints = ProgramEndpoints(KEY, waiting_max, SystemClock())
        async with _asking(endpoints, key) as client:
            await steps(client, endpoints)
        await endpoints.close()

    asyncio.run(go())


def parameters(answer: Answer) -> dict[str, str]:
    assert answer.secrets is not None
    return {
        **ASKED, "sequence": str(answer.sequence), "root": answer.root.hex(), "secrets": answer.secrets.digest,
        "terms": answer.terms[-1].hash if answer.terms else "",
    }  # fmt: skip


async def _until_waiting(endpoints: ProgramEndpoints) -> None:
    async with asyncio.timeout(25):
        while not endpoints._waiting:
            await asyncio.sleep(0.01)


def test_only_the_key_of_the_machines_opens_it() -> None:
    async def steps(client: httpx.AsyncClient, _: ProgramEndpoints) -> None:
        for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer ü".encode()}):
            assert (await client.get("/internal/program", params=ASKED, headers=headers)).status_code == 401
            assert (await client.post("/internal/program/contents", headers=headers)).status_code == 401

    run(steps, key="another-key-that-is-long-enough-as-well")


def test_it_answers_at_once_then_waits_until_something_is_published() -> None:
    plan(shoes())

    async def steps(client: httpx.AsyncClient, endpoints: ProgramEndpoints) -> None:
        first = await client.get("/internal/program", params=ASKED)
        empty = msgspec.msgpack.decode(first.content, type=Answer)
        assert (first.status_code, empty.sequence) == (200, 0)
        none = await client.get("/internal/program", params={**parameters(empty), "wait": "0"})
        assert none.status_code == 204 and none.content == b""
        waiting = asyncio.create_task(
            client.get("/internal/program", params={**parameters(empty), "wait": "30"}, timeout=30)
        )
        await _until_waiting(endpoints)
        await asyncio.sleep(2 * LOOK_INTERVAL_S)
        assert not waiting.done()
        await asyncio.to_thread(_in_thread, lambda: publish(ANN))
        answer = msgspec.msgpack.decode((await asyncio.wait_for(waiting, 25)).content, type=Answer)
        assert answer.sequence == 1 and answer.root in answer.contents
        body = msgspec.msgpack.encode(Wanted([answer.root, b"?" * 16]))
        found = await client.post("/internal/program/contents", content=body)
        contents = msgspec.msgpack.decode(found.content, type=Contents).contents
        assert contents == {answer.root: answer.contents[answer.root]}

    run(steps)


def _in_thread(work: Callable[[], object]) -> None:
    from django.db import connection

    try:
        work()
    finally:
        connection.close()


def test_a_server_that_stops_or_is_full_keeps_nobody_waiting() -> None:
    async def steps(client: httpx.AsyncClient, endpoints: ProgramEndpoints) -> None:
        empty = msgspec.msgpack.decode((await client.get("/internal/program", params=ASKED)).content, type=Answer)
        asked = {**parameters(empty), "wait": "30"}
        waiting = asyncio.create_task(client.get("/internal/program", params=asked, timeout=30))
        await _until_waiting(endpoints)
        assert (await client.get("/internal/program", params=asked)).status_code == 503
        endpoints.stopping = lambda: True
        assert (await asyncio.wait_for(waiting, 25)).status_code == 204

    run(steps, waiting_max=1)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kind": "cat"}, "kind must be edge or engine"),
        ({"name": ""}, "name must be"),
        ({"name": "a b"}, "name must be"),
        ({"root": "xyz"}, "root must be 32 hex digits"),
        ({"sequence": "-1"}, "must be whole numbers"),
        ({"wait": "1e3"}, "must be whole numbers"),
    ],
)
@pytest.mark.parametrize("committed_database", ["sqlite"], indirect=True)
def test_a_wrong_parameter_is_named(wrong: dict[str, str], sentence: str) -> None:
    async def steps(client: httpx.AsyncClient, _: ProgramEndpoints) -> None:
        answer = await client.get("/internal/program", params={**ASKED, **wrong})
        assert answer.status_code == 422 and sentence in answer.text

    run(steps)


@pytest.mark.parametrize("committed_database", ["sqlite"], indirect=True)
def test_contents_are_asked_for_in_bounds(committed_database: TestDatabase) -> None:
    async def steps(client: httpx.AsyncClient, _: ProgramEndpoints) -> None:
        path = "/internal/program/contents"
        many = msgspec.msgpack.encode(Wanted([b"?" * 16] * (CONTENTS_MAX + 1)))
        assert (await client.post(path, content=many)).status_code == 422
        assert (await client.post(path, content=b"x" * 100_000)).status_code == 413
        assert (await client.post(path, content=b"\xff")).status_code == 422

    run(steps)
