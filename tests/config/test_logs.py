"""What a log line looks like, for people and for programs."""

import json
import logging
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from config.logs import formatter
from rules.alerts import Severity
from tests.config.command_line import INNWATCH, CommandLine
from tests.support import Processes, eventually_sync, free_port
from tests.support.command_line import quiet_environment
from tests.support.http import plain

log = logging.getLogger("broker.test")


def record(event: str, *arguments: object) -> logging.LogRecord:
    return log.makeRecord(log.name, logging.WARNING, __file__, 1, event, arguments, None)


def in_json(event: str, *arguments: object) -> dict[str, object]:
    line: dict[str, object] = json.loads(formatter(as_json=True).format(record(event, *arguments)))
    return line


def in_text(event: str, *arguments: object) -> str:
    return formatter(as_json=False).format(record(event, *arguments))


def test_a_program_finds_each_field_by_its_name_and_in_its_type() -> None:
    line = in_json("limit crossed", {"hotel": "inn", "times": 3, "severity": Severity.CRITICAL, "room": None})

    at = line.pop("at")
    assert datetime.fromisoformat(str(at)).tzinfo is not None
    assert line == {
        "level": "warning",
        "logger": "broker.test",
        "event": "limit crossed",
        "hotel": "inn",
        "times": 3,
        "severity": "critical",
    }


def test_what_is_no_text_is_written_as_one() -> None:
    fields = {"path": Path("/a"), "ends": datetime(2026, 1, 2, tzinfo=UTC), "error": ValueError("no")}

    line = in_json("certificate", fields)
    assert {name: line[name] for name in fields} == {"path": "/a", "ends": "2026-01-02T00:00:00+00:00", "error": "no"}
    assert in_text("certificate", fields).endswith("certificate: path=/a ends=2026-01-02T00:00:00+00:00 error=no")


def test_people_read_one_line_with_the_fields_behind_the_event() -> None:
    assert in_text("limit crossed", {"reason": "held-rate", "times": 3, "room": None}).endswith(
        " warning broker.test: limit crossed: reason=held-rate times=3"
    )
    assert in_text("stopping").endswith(" warning broker.test: stopping")


@pytest.mark.parametrize("value", ["a b", 'a"b', "a\nb", "a=b", "a\\b", "", "a\u2028b", "\x1b[31m", "\udcff"])
def test_no_value_can_pass_for_a_line_or_a_field_of_its_own(value: str) -> None:
    line = in_text("refused", {"client": value, "address": "here"})

    assert line.endswith(f"refused: client={json.dumps(value)} address=here")
    assert len(line.splitlines()) == 1
    assert in_json("refused", {"client": value})["client"] == value


def test_one_of_several_processes_has_its_number_in_each_line() -> None:
    line = record("stopping", {"reason": "told"})

    assert formatter(as_json=False, number=3).format(line).endswith(" broker.test 3: stopping: reason=told")
    assert json.loads(formatter(as_json=True, number=3).format(line))["process"] == 3


def test_a_librarys_line_is_all_event() -> None:
    assert in_json("%s of %d", "one", 2)["event"] == "one of 2"
    assert in_text("%(a)s", {"b": 1}).endswith("%(a)s: b=1")


def test_a_fault_is_logged_with_its_traceback_in_the_same_line() -> None:
    program = (
        "import logging, config.logs\n"
        "config.logs.set_up_logs(level='INFO', as_json=True)\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: logging.getLogger('api').exception('request failed', {'request': 'abc'})\n"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    (line,) = ended.stderr.splitlines()
    told = json.loads(line)
    assert (told["event"], told["request"], told["level"]) == ("request failed", "abc", "error")
    assert "ZeroDivisionError" in told["traceback"]


def test_every_line_that_a_process_logs_is_an_object_with_its_event(cli: CommandLine, processes: Processes) -> None:
    ports = {f"INNWATCH_{name}_PORT": str(free_port()) for name in ("HTTP", "MQTT", "WS")}
    settings = {**ports, "INNWATCH_LOG_FORMAT": "json", "INNWATCH_LOG_LEVEL": "debug"}
    up = processes.start([INNWATCH, "up", "--data", cli.folder.path], env=quiet_environment(settings))
    eventually_sync(lambda: _is_ready(int(ports["INNWATCH_HTTP_PORT"])), within=30)
    up.signal(signal.SIGTERM)
    up.wait(within=20)

    lines = [json.loads(line) for line in up.output().splitlines() if line.startswith("{")]
    assert all(line.keys() >= {"at", "level", "logger", "event"} for line in lines)
    assert {"listening", "request answered", "stopping"} <= {line["event"] for line in lines}
    (answered, *_) = (line for line in lines if line["event"] == "request answered")
    assert (answered["route"], len(answered["request"])) == ("/health/ready", 16)


def _is_ready(port: int) -> bool:
    try:
        return plain.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx.TransportError:
        return False
