"""Whose tries to log in are counted, behind a proxy and without one."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from api import ApiSettings
from store import LocalDoorbell
from tests.api.support import PASSWORD, Furnished, World

PROXY = "172.18.0.4"
BURST = 10


@pytest.fixture
def settings(settings: ApiSettings) -> ApiSettings:
    return replace(settings, proxies=("172.16.0.0/12", "fd00::/8"))


async def log_in(world: World, *said: str, peer: str = PROXY, password: str = PASSWORD) -> int:
    """Try it as inn-staff; the status of the answer. `said` are lines of X-Forwarded-For."""
    async with world.client(address=peer) as client:
        answer = await client.post(
            "/api/auth/user-token",
            json={"username": "inn-staff", "password": password},
            headers=[("X-Forwarded-For", line) for line in said],
        )
    return answer.status_code


async def guess(world: World, *said: str, peer: str = PROXY, times: int = 1) -> int:
    """Log in by a wrong password; the status of the last answer."""
    return [await log_in(world, *said, peer=peer, password=str(n)) for n in range(times)][-1]


async def test_who_guesses_behind_a_proxy_locks_nobody_else_out_there(world: World) -> None:
    assert await guess(world, "198.51.100.9", times=BURST + 1) == 429

    assert await log_in(world, "203.0.113.5") == 200


@pytest.mark.parametrize("peer", [PROXY, f"::ffff:{PROXY}", "fd00::4"])
async def test_what_a_client_says_of_itself_before_the_proxy_wins_it_nothing(world: World, peer: str) -> None:
    for n in range(BURST):
        assert await guess(world, f"203.0.113.{n}", f"10.0.0.{n}, 198.51.100.9", peer=peer) == 401

    assert await guess(world, "203.0.113.77", "10.0.0.77, 198.51.100.9", peer=peer) == 429


async def test_nobody_but_a_proxy_is_believed(world: World) -> None:
    for n in range(BURST):
        assert await guess(world, f"203.0.113.{n}", peer="192.0.2.7") == 401

    assert await guess(world, "203.0.113.77", peer="192.0.2.7") == 429


@pytest.mark.parametrize("said", [(), ("",), ("unknown",), ("198.51.100.9,",), ("<script>",)])
async def test_a_proxy_that_names_nobody_is_counted_itself(world: World, said: tuple[str, ...]) -> None:
    assert await guess(world, *said, times=BURST) == 401

    assert await log_in(world) == 429


async def test_without_the_setting_no_proxy_is_believed(hotels: Furnished, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    plain = ApiSettings(mqtt_port=1884)
    async with hotels.world(tmp_path / "plain", doorbell=LocalDoorbell(), settings=plain) as world:
        assert await guess(world, "198.51.100.9", times=BURST) == 401

        assert await log_in(world, "203.0.113.5") == 429
