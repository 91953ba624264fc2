"""The console's files."""

from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from api import ApiSettings, build_app
from tests.api.support import Parts, World, serving
from tests.support.http import TRUSTS_NOBODY


async def test_the_page_is_served_with_a_strict_policy_and_asked_for_each_time(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "connect-src 'self' ws://innwatch.test:1884;" in answer.headers["content-security-policy"]
    assert "<title>Innwatch</title>" in answer.text


async def test_a_script_comes_with_its_type_and_packed_for_those_who_can_unpack(world: World) -> None:
    async with world.client() as client:
        packed = await client.get("/console/views/list.js")
        plain = await client.get("/console/views/list.js", headers={"Accept-Encoding": "identity"})

    assert packed.headers["content-type"] == "text/javascript; charset=utf-8"
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]


async def test_what_the_browser_has_is_not_sent_again(world: World) -> None:
    async with world.client() as client:
        first = await client.get("/console/views/list.js")
        again = await client.get("/console/views/list.js", headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("path", ["/", "/console/views/list.js", "/console/no-such.js"])
async def test_the_head_of_a_file_can_be_had_alone(world: World, path: str) -> None:
    async with serving(world.app) as served, httpx.AsyncClient(verify=TRUSTS_NOBODY) as client:
        whole = await client.get(served.url + path)
        head = await client.head(served.url + path)
        again = await client.get(served.url + path)

    told = ("content-type", "content-length", "content-encoding", "etag", "content-security-policy")
    assert head.status_code == whole.status_code
    assert [head.headers.get(name) for name in told] == [whole.headers.get(name) for name in told]
    assert (head.content, again.content) == (b"", whole.content)


async def test_nothing_outside_of_the_folder_is_served(world: World) -> None:
    paths = ["no-such.js", "../settings.py", "%2e%2e/settings.py", "..%2f..%2fsettings.py", "%00", "views"]
    async with world.client() as client:
        answers = [await client.get(f"/console/{path}") for path in paths]

    assert [answer.status_code for answer in answers] == [404] * len(paths)


async def test_answers_of_the_api_are_not_kept_and_run_nothing(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/api/alerts")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_without_a_page_the_address_is_empty(world: World, tmp_path: Path) -> None:
    app = build_app(
        store=world.store, keys=world.keys, doorbell=world.doorbell, clock=world.clock, registry=CollectorRegistry(),
        health=Parts(), settings=ApiSettings(mqtt_port=1884, console=tmp_path / "nothing"),
    )  # fmt: skip
    world.app = app
    async with world.client() as client:
        answer = await client.get("/")

    assert answer.status_code == 404


async def test_a_link_for_a_tablet_opens_in_a_browser_and_says_whom_it_is_for(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/enrol")

    assert answer.status_code == 200
    assert "<title>A code for a tablet</title>" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
