"""The units of deploy/systemd, for a machine without containers: sound by systemd's own word, and shut in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config.settings import KNOWN, read_environment
from tests.deploy.compose import DEPLOY
from tests.support import requires

UNITS = DEPLOY / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
EXPOSURE = 1.5
"""The most that `systemd-analyze security` may find, of 10."""


def lines(name: str, key: str) -> list[str]:
    """What a unit says behind a key, as often as it does."""
    return re.findall(rf"^{key}=(.*)$", (UNITS / name).read_text(encoding="utf-8"), re.MULTILINE)


def instance(name: str) -> str:
    """A unit that could be started: a template needs an instance."""
    return name.replace("@.", "@8084.")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system on which everything is where the units say."""
    shutil.copytree(UNITS, tmp_path / "etc" / "systemd" / "system")
    for program in ("opt/innwatch/bin/innwatch", "bin/kill", "bin/sh", "usr/bin/find"):
        path = tmp_path / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    units = tmp_path / "usr" / "lib" / "systemd" / "system"
    units.mkdir(parents=True)
    for target in Path("/usr/lib/systemd/system").glob("*.target"):
        shutil.copyfile(target, units / target.name)
    return tmp_path


def analyze(*words: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [requires("systemd-analyze"), *words, f"--root={root}", "--no-pager"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=root,
    )


@pytest.mark.server
def test_systemd_finds_no_fault_with_any_unit(root: Path) -> None:
    verified = analyze(
        "verify", "--man=no", "innwatch.target", "innwatch-backup.timer", *map(instance, SERVICES), root=root
    )

    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.server
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_gets_little_of_the_machine(name: str, root: Path) -> None:
    judged = analyze("security", "--offline=yes", instance(name), root=root)

    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", judged.stdout)
    assert level is not None, judged.stdout + judged.stderr
    assert float(level[1]) <= EXPOSURE, judged.stdout


def test_the_target_wants_units_that_there_are() -> None:
    wanted = {re.sub(r"@\d+\.", "@.", name) for line in lines("innwatch.target", "Wants") for name in line.split()}

    assert wanted
    assert all((UNITS / name).is_file() for name in wanted)


@pytest.mark.parametrize("name", SERVICES)
def test_the_order_names_units_that_there_are(name: str) -> None:
    ours = {one for line in lines(name, "After") for one in line.split() if one.startswith("innwatch-")}

    assert all((UNITS / one).is_file() for one in ours)


def test_every_variable_is_a_setting_and_every_secret_is_brought() -> None:
    shared = "innwatch-.service.d/hardening.conf"
    files = [f"{shared}", *SERVICES]
    said = dict(pair.split("=", 1) for name in files for line in lines(name, "Environment") for pair in line.split())
    brought = {line.partition(":")[0] for line in lines(shared, "LoadCredential")}

    assert {name for name in said if not name.startswith("PYTHON")} <= KNOWN
    assert {value.removeprefix("%d/") for value in said.values() if value.startswith("%d/")} == brought


def test_the_example_of_an_environment_can_be_right() -> None:
    text = (UNITS / "environment").read_text(encoding="utf-8")
    said = {name: value.strip('"') for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)}

    assert set(said) <= KNOWN
    read_environment(said)


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_shared_takes_nothing_back_that_a_service_says(name: str) -> None:
    """A drop-in is read after the unit: a key in both would be the drop-in's."""
    shared = set(re.findall(r"^(\w+)=", (UNITS / "innwatch-.service.d" / "hardening.conf").read_text(), re.MULTILINE))
    own = set(re.findall(r"^(\w+)=", (UNITS / name).read_text(), re.MULTILINE))

    assert shared & own <= {"After", "Environment", "StateDirectory"}  # these add up


def test_the_command_line_has_what_the_units_have(tmp_path: Path) -> None:
    etc, program = tmp_path / "etc", tmp_path / "innwatch"
    (etc / "secrets").mkdir(parents=True)
    shutil.copyfile(UNITS / "environment", etc / "environment")
    for name in ("secret_key", "database_url", "redis_url", "metrics_token"):
        (etc / "secrets" / name).write_text(f"the {name}\n")
    program.write_text('#!/bin/sh\necho "$@"\nenv\n')
    program.chmod(0o755)
    script = (DEPLOY / "innwatch").read_text(encoding="utf-8")
    for there, here in {
        "/etc/innwatch": etc,
        "/var/lib/innwatch": tmp_path,
        "/opt/innwatch/bin/innwatch": program,
        "setpriv --reuid=innwatch --regid=innwatch --init-groups": "",
    }.items():
        assert there in script
        script = script.replace(there, str(here))

    done = subprocess.run(["sh", "-c", script, "innwatch", "doctor", "a b"], capture_output=True, text=True, check=True)

    said = dict(line.split("=", 1) for line in done.stdout.splitlines()[1:] if "=" in line)
    assert done.stdout.splitlines()[0] == "doctor a b"
    assert said["SECRET_KEY"] == "the secret_key"
    assert said["INNWATCH_LISTEN"].startswith("mqtts://0.0.0.0:8883 ws://")
    brought = {line.partition(":")[0] for line in lines("innwatch-.service.d/hardening.conf", "LoadCredential")}
    assert {said[name] for name in said if name in KNOWN} >= {f"the {name}" for name in brought}


def test_the_account_can_reach_the_certificate_and_not_the_secrets() -> None:
    page = (DEPLOY / "README.md").read_text(encoding="utf-8")
    modes = {path: int(mode, 8) for mode, path in re.findall(r"install -d -m (\d+) (?:-g innwatch )?(\S+)", page)}
    certificate = re.search(r"^INNWATCH_TLS_CERT=(.*)$", (UNITS / "environment").read_text(), re.MULTILINE)
    assert certificate is not None

    for folder in Path(certificate[1]).parents[:-2]:
        assert modes[str(folder)] & (0o010 if f"-g innwatch {folder}\n" in page else 0o001), folder
    assert modes["/etc/innwatch/secrets"] == 0o700


def test_the_page_names_units_that_there_are_and_replaces_the_broker_last() -> None:
    page = (DEPLOY / "README.md").read_text(encoding="utf-8").partition("## By units")[2]
    calls = re.findall(r"systemctl (stop|start|restart) ([^&\n]+)", page)
    units = [(verb, re.sub(r"@\*?$", "@", name.strip("'"))) for verb, names in calls for name in names.split()]
    whole = [(verb, name if name.endswith(".target") else f"{name}.service") for verb, name in units]

    assert all((UNITS / name).is_file() for _, name in whole)
    assert whole.index(("stop", "innwatch-bridge@.service")) < whole.index(("restart", "innwatch-migrate.service"))
    assert whole[-1] == ("restart", "innwatch-broker.service")
