"""The doorbell on Redis: heard in other processes at once, missed by nobody when Redis comes back, in nobody's way."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from signal import SIGUSR1

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from store.doorbell import Bell
from store.redis_doorbell import RedisDoorbell
from tests.support import Process, Processes, Redis, eventually, free_port

ROOT = Path(__file__).parent.parent.parent
LONG = 30.0
AT_ONCE = 0.2
"""Seconds within which another process has heard a ring."""

pytestmark = pytest.mark.server


@asynccontextmanager
async def connected(*urls: str) -> AsyncIterator[list[RedisDoorbell]]:
    """Doorbells, one for each URL, that run and hear each other."""
    doorbells = [RedisDoorbell(url) for url in urls]
    async with asyncio.TaskGroup() as parts:
        running = [parts.create_task(doorbell.run()) for doorbell in doorbells]
        await eventually(lambda: [doorbell.problems() for doorbell in doorbells] == [[] for _ in urls])
        try:
            yield doorbells
        finally:
            for task in running:
                task.cancel()


async def is_rung(bell: Bell, *, within: float = LONG) -> bool:
    began = time.monotonic()
    await bell.wait(within)
    return time.monotonic() - began < within


async def settled(bell: Bell) -> None:
    """Take the rings that tell a newly connected listener to look."""
    while await is_rung(bell, within=0.1):
        pass


async def heard_by_the_other(one: RedisDoorbell, bell: Bell) -> None:
    """Wait until the bell hears what `one` rings, as it must again at some time after a fault."""

    async def rung() -> bool:
        one.ring()
        return await is_rung(bell, within=0.1)

    await eventually(rung)


async def test_a_ring_is_heard_by_others_and_by_oneself_once(redis: Redis) -> None:
    async with connected(redis.url, redis.url) as (one, other):
        with one.listen() as own, other.listen() as far:
            await settled(own)
            await settled(far)

            one.ring()

            assert await is_rung(own)
            assert await is_rung(far)
            assert not await is_rung(own, within=0.2)
            assert not await is_rung(far, within=0.01)


async def test_two_processes_hear_each_other_within_200_ms(redis: Redis, processes: Processes) -> None:
    child = processes.start([sys.executable, "-m", "tests.store.ringer", redis.url], cwd=ROOT)
    await eventually(lambda: redis_subscribers(redis) == 1)
    async with connected(redis.url) as (doorbell,):
        with doorbell.listen() as bell:
            for _ in range(10):
                await settled(bell)
                before, rung_at = len(times_heard(child)), time.monotonic()
                doorbell.ring()
                await eventually(lambda before=before: len(times_heard(child)) > before)  # type: ignore[misc]
                assert times_heard(child)[before] - rung_at < AT_ONCE

                await settled(bell)
                rung_at = time.monotonic()
                child.signal(SIGUSR1)
                assert await is_rung(bell)
                assert time.monotonic() - rung_at < AT_ONCE


def times_heard(child: Process) -> list[float]:
    whole = child.output().rpartition("\n")[0]
    return [float(line.removeprefix("heard ")) for line in whole.splitlines()]


def redis_subscribers(redis: Redis) -> int:
    with redis.client() as client:
        return int(client.pubsub_numsub("innwatch:doorbell")[0][1])


async def test_it_may_be_rung_from_any_thread(redis: Redis) -> None:
    async with connected(redis.url, redis.url) as (one, other):
        with other.listen() as bell:
            await settled(bell)
            threading.Thread(target=one.ring).start()
            assert await is_rung(bell)


async def test_many_rings_are_few_messages(redis: Redis) -> None:
    async with connected(redis.url) as (doorbell,):
        with redis.client() as client:
            before = published(client.info("commandstats"))
            ends = time.monotonic() + 0.5
            while time.monotonic() < ends:
                for _ in range(1000):
                    doorbell.ring()
                await asyncio.sleep(0)
            assert 1 <= published(client.info("commandstats")) - before <= 60


async def test_a_doorbell_that_rings_all_the_time_ends_when_it_is_told_to(redis: Redis) -> None:
    for _ in range(20):
        doorbell = RedisDoorbell(redis.url)
        running = asyncio.ensure_future(doorbell.run())
        await eventually(lambda: not doorbell.problems())  # noqa: B023 - asked before the next one
        ends = time.monotonic() + 0.05
        while time.monotonic() < ends:
            for _ in range(300):
                doorbell.ring()
            await asyncio.sleep(0)

        running.cancel()
        done, _ = await asyncio.wait([running], timeout=10)
        assert done


def published(stats: dict[str, dict[str, int]]) -> int:
    return stats.get("cmdstat_publish", {}).get("calls", 0)


async def test_redis_flushed_is_not_even_noticed(redis: Redis) -> None:
    async with connected(redis.url, redis.url) as (one, other):
        with other.listen() as bell:
            redis.flush()
            await settled(bell)
            one.ring()
            assert await is_rung(bell, within=1)


async def test_redis_killed_and_back_is_heard_again_and_listeners_look_at_once(redis: Redis) -> None:
    async with connected(redis.url, redis.url) as (one, other):
        with one.listen() as own, other.listen() as far:
            redis.kill()
            await eventually(lambda: one.problems() and other.problems())
            await settled(own)
            await settled(far)
            one.ring()
            assert await is_rung(own)

            await redis.start_anew()

            assert await is_rung(far, within=5)  # the ring that nobody carried may have been for it
            await eventually(lambda: not one.problems() and not other.problems())
            await heard_by_the_other(one, far)
            await heard_by_the_other(other, own)


async def test_redis_frozen_stops_nobody_and_is_noticed(redis: Redis) -> None:
    async with connected(redis.url, redis.url) as (one, other):
        with one.listen() as own, other.listen() as far:
            redis.freeze()
            longest = 0.0
            while not (one.problems() and other.problems()):
                began = time.monotonic()
                one.ring()
                assert await is_rung(own)
                longest = max(longest, time.monotonic() - began)
                await asyncio.sleep(0.01)
            assert longest < 1
            assert one.problems() == ["Redis does not answer"]

            redis.thaw()

            await eventually(lambda: not one.problems() and not other.problems())
            await heard_by_the_other(one, far)


async def test_a_redis_that_is_not_there_yet_is_waited_for(processes: Processes, tmp_path: Path) -> None:
    late = Redis(processes, tmp_path)
    doorbell = RedisDoorbell(late.url)
    assert doorbell.problems() == ["Redis is not connected yet"]
    running = asyncio.ensure_future(doorbell.run())
    await eventually(lambda: doorbell.problems() == ["Redis cannot be reached"])

    await late.start_anew()

    await eventually(lambda: doorbell.problems() == [])
    running.cancel()


async def test_the_password_in_the_address_is_used_and_never_told(
    processes: Processes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    guarded = Redis(processes, tmp_path, password="open-sesame")
    guarded.start()
    async with connected(guarded.url):
        pass

    stranger = RedisDoorbell(guarded.url.replace("open-sesame", "wrong-guess"))
    running = asyncio.ensure_future(stranger.run())
    await eventually(lambda: stranger.problems() == ["Redis refuses the password"])
    running.cancel()

    assert "open-sesame" not in caplog.text
    assert "wrong-guess" not in caplog.text


async def test_redis_behind_tls_is_believed_by_its_certificate_only(
    processes: Processes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, port = certified(tmp_path), free_port()
    tls = ["--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(certificate)]
    server = Redis(processes, tmp_path, *tls, "--tls-auth-clients", "no")
    server.start()
    url = f"rediss://127.0.0.1:{port}/0"

    async with connected(f"{url}?ssl_ca_certs={certificate}", server.url) as (one, other):
        with other.listen() as bell:
            await heard_by_the_other(one, bell)

    doubting = RedisDoorbell(url)
    running = asyncio.ensure_future(doubting.run())
    await eventually(lambda: doubting.problems() == ["Redis cannot be reached"])
    assert "certificate verify failed" in caplog.text
    running.cancel()


def certified(folder: Path) -> Path:
    """A file with a key and a certificate of its own making for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now, hour = datetime.now(UTC), timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - hour)
        .not_valid_after(now + hour)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "redis.pem"
    file.write_bytes(secret + made.public_bytes(pem))
    return file


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6379", "", "redis://127.0.0.1:port"])
def test_an_address_that_is_none_of_redis_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        RedisDoorbell(url)


async def test_without_redis_it_rings_within_the_process() -> None:
    doorbell = RedisDoorbell(f"redis://127.0.0.1:{free_port()}")
    with doorbell.listen() as bell:
        doorbell.ring()
        assert await is_rung(bell)
