"""Whatever the compose file and the units start is a command of `innwatch`, with options that it has."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from config.cli import app
from tests.deploy.compose import DEPLOY, ROOT, processes, services

COMMANDS = typer.main.get_command(app)
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def check(*words: str) -> None:
    """Fail unless `innwatch WORDS` could be typed."""
    command, left = COMMANDS, list(words)
    while isinstance(command, typer.core.TyperGroup):
        assert left[0] in command.commands, f"there is no innwatch {' '.join(words)}"
        command = command.commands[left.pop(0)]
    command.make_context("innwatch", left)


@pytest.mark.parametrize("name", processes())
def test_a_container_starts_a_command_that_there_is(name: str) -> None:
    check(*processes()[name]["command"])


def test_the_job_that_makes_backups_calls_a_command_that_there_is() -> None:
    entrypoint = services()["backup"]["entrypoint"]
    called = re.findall(r"\binnwatch (\w+ \S+)", (DEPLOY / entrypoint[0]).read_text(encoding="utf-8"))

    assert called
    for line in called:
        check(*line.split())


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    line = re.sub(r"\$\(.*?\)", "NOW", line.removeprefix("/bin/sh -c 'exec ").removesuffix("'"))
    program, *words = shlex.split(line)

    assert program == "/opt/innwatch/bin/innwatch"
    check(*words)


@pytest.mark.parametrize("page", [ROOT / "README.md", DEPLOY / "README.md"], ids=lambda path: str(path.parent.name))
def test_what_a_page_tells_to_type_can_be_typed(page: Path) -> None:
    shells = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    told = re.findall(
        r"^(?:docker .* run .* migrate (?=migrate|copy)|(?:docker compose exec \w+ |docker .* --entrypoint )?innwatch )"
        r"(?:backup (?=restore))?(.*)$",
        "".join(shells),
        re.MULTILINE,
    )

    assert told
    for line in told:
        check(*shlex.split(line, comments=True))
