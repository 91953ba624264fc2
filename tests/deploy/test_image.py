"""What the Dockerfile makes, as far as that can be seen without a container engine. `make wheel` runs its main step."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
STAGES = dict(re.findall(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL))


def let_through() -> set[str]:
    """What .dockerignore, which refuses everything else, lets the build see."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    return {line.removeprefix("!") for line in lines if line.startswith("!")}


def test_the_build_sees_what_the_wheel_is_made_of_and_nothing_that_is_not_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert {*packages, "pyproject.toml", "requirements.lock", "README.md", "LICENSE"} <= let_through()
    assert all((ROOT / name).exists() for name in let_through())


def test_whatever_is_copied_is_let_through() -> None:
    copies = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", DOCKERFILE, re.MULTILINE)

    assert copies
    assert {file for words in copies for file in words.split()} - {"."} <= let_through()


@pytest.mark.parametrize("stage", ["innwatch", "proxy"])
def test_no_image_runs_as_root(stage: str) -> None:
    users = re.findall(r"^USER (\S+)$", STAGES[stage], re.MULTILINE)

    assert users == ["10001:10001"]


def test_the_same_python_builds_and_runs() -> None:
    bases = {stage: base for base, stage in re.findall(r"^FROM (\S+) AS (\w+)$", DOCKERFILE, re.MULTILINE)}

    assert bases["build"] == bases["innwatch"]


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/ready" else 503)
        self.end_headers()
        self.wfile.write(b"waits for the database")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, the library's name
        pass


@pytest.fixture
def page() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def ready(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-IS", ROOT / "deploy" / "ready", url], capture_output=True, text=True, timeout=20, check=False
    )


def test_a_container_is_healthy_when_its_page_answers_200(page: str) -> None:
    assert ready(f"{page}/health/ready").returncode == 0


def test_a_container_that_waits_is_not_healthy_and_says_for_what(page: str) -> None:
    waiting = ready(f"{page}/health/unready")

    assert waiting.returncode == 1
    assert "503 waits for the database" in waiting.stdout


def test_a_container_that_does_not_answer_is_not_healthy() -> None:
    silent = ready("http://127.0.0.1:1/health/ready")

    assert silent.returncode == 1
    assert "no answer" in silent.stderr


@pytest.mark.parametrize(
    ("every", "kept", "named"),
    [(every, "14", "BACKUP_EVERY") for every in ("daily", "1 day", "24hours", "0h", "-1h", "")]
    + [("24h", kept, "BACKUPS_KEPT") for kept in ("all", "0", "-1", "1.5", "")],
)
def test_backups_by_a_setting_that_cannot_be_are_not_begun(tmp_path: Path, every: str, kept: str, named: str) -> None:
    there = tmp_path / "20261123T033000Z.backup"
    there.touch()

    refused = subprocess.run(
        ["sh", ROOT / "deploy" / "backup", tmp_path],
        env={"PATH": "/usr/bin:/bin", "BACKUP_EVERY": every, "BACKUPS_KEPT": kept},
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip

    assert (refused.returncode, refused.stderr.startswith(f"{named}=")) == (78, True)
    assert there.exists()


def test_shell_scripts_are_sound() -> None:
    shell = shutil.which("dash") or "sh"
    for script in (
        "deploy/install",
        "deploy/innwatch",
        "deploy/make-secrets",
        "deploy/backup",
        "deploy/postgres/roles.sh",
    ):
        subprocess.run([shell, "-n", ROOT / script], check=True, timeout=10)
