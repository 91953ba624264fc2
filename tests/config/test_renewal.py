"""TLS of a whole `innwatch up`: what stops its start, and how its certificate is renewed while it runs."""

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from broker.certificate import Certificate
from config.renewal import keep_renewed
from tests.broker.authority import Authority
from tests.config.command_line import INNWATCH, CommandLine
from tests.support import Processes, eventually, eventually_sync, free_port
from tests.support.http import plain


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def certificate(authority: Authority) -> Certificate:
    return Certificate(authority.files(), clock=lambda: datetime.now(UTC))


async def renewed(certificate: Certificate, *, every: float, change: Callable[[], object]) -> None:
    """Make a change while somebody looks, and return when it was taken."""
    before = certificate.context
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(keep_renewed(certificate, every=every))
        await asyncio.sleep(0)
        change()
        await eventually(lambda: certificate.context is not before)
        looking.cancel()


async def test_new_files_are_found_by_looking(certificate: Certificate, authority: Authority) -> None:
    await renewed(certificate, every=0.02, change=authority.files)


async def test_a_signal_has_them_read_at_once(certificate: Certificate) -> None:
    await renewed(certificate, every=60, change=lambda: os.kill(os.getpid(), signal.SIGHUP))


def secure(authority: Authority) -> tuple[dict[str, str], int]:
    files = authority.files()
    mqtts, wss = free_port(), free_port()
    return {
        "INNWATCH_LISTEN": f"mqtts://127.0.0.1:{mqtts} wss://127.0.0.1:{wss}/mqtt",
        "INNWATCH_TLS_CERT": str(files.certificate),
        "INNWATCH_TLS_KEY": str(files.key),
    }, mqtts


def test_a_certificate_that_is_of_no_use_stops_the_start(cli: CommandLine, authority: Authority) -> None:
    environment, mqtts = secure(authority)
    Path(environment["INNWATCH_TLS_KEY"]).unlink()
    ended = cli.as_process("up", "--http-port", str(free_port()), **environment)
    assert ended.code == 78
    (line,) = [line for line in ended.err.splitlines() if line.startswith("innwatch: ")]
    assert "INNWATCH_TLS_KEY" in line
    assert "server.key: No such file or directory" in line
    assert "Traceback" not in ended.err
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", mqtts)) != 0


@pytest.mark.parametrize(
    ("listen", "options", "words"),
    [
        ("ws://127.0.0.1:0 mqtts://127.0.0.1:0", [], "mqtts://127.0.0.1:0 needs a certificate"),
        ("mqtt://127.0.0.1:0", [], "has no websocket"),
        ("ws://127.0.0.1:0", ["--demo", "1"], "--demo needs an mqtt:// address"),
    ],
)
def test_listeners_that_leave_somebody_out_stop_the_start(
    cli: CommandLine, listen: str, options: list[str], words: str
) -> None:
    ended = cli.as_process("up", "--http-port", str(free_port()), *options, INNWATCH_LISTEN=listen)
    assert (ended.code, "Traceback" in ended.err) == (78, False)
    assert words in ended.err.splitlines()[-1]
    assert "listening" not in ended.err


def test_a_running_installation_shows_a_new_certificate_and_keeps_a_good_one(
    processes: Processes, authority: Authority, tmp_path: Path
) -> None:
    environment, mqtts = secure(authority)
    http = free_port()
    words = [word for url in environment.pop("INNWATCH_LISTEN").split() for word in ("--listen", url)]
    command: list[str | Path] = [INNWATCH, "up", "--data", tmp_path / "data", "--http-port", str(http), *words]
    process = processes.start(command, env=environment)

    def health() -> httpx.Response | None:
        with suppress(httpx.TransportError):
            return plain.get(f"http://127.0.0.1:{http}/health/ready", timeout=2)
        return None

    def ready() -> bool:
        answer = health()
        return answer is not None and answer.status_code == 200

    def shown() -> bytes | None:
        trusting = ssl.create_default_context(cafile=authority.trusted)
        with (
            socket.create_connection(("127.0.0.1", mqtts)) as plug,
            trusting.wrap_socket(plug, server_hostname="localhost") as tls,
        ):
            return tls.getpeercert(binary_form=True)

    eventually_sync(ready, within=15)
    assert f"mqtts://127.0.0.1:{mqtts}   wss://" in process.output()
    first = shown()
    authority.files()
    process.signal(signal.SIGHUP)
    eventually_sync(lambda: shown() != first)
    second = shown()

    Path(environment["INNWATCH_TLS_CERT"]).write_text("torn")
    process.signal(signal.SIGHUP)
    eventually_sync(lambda: not ready())
    answer = health()
    assert answer is not None
    assert "the new TLS certificate is not used" in answer.text
    assert shown() == second
    metrics = plain.get(f"http://127.0.0.1:{http}/metrics", timeout=5).text
    assert 'innwatch_mqtt_certificate_renewals_total{outcome="refused"} 1.0' in metrics
    assert process.exit_code() is None
