"""What holds for the tree as a whole, whoever works in it."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PACKAGES = ("rules", "broker", "store", "device_bridge", "api", "worker", "config")

# Spelled in pieces, so that this file does not match itself.
STRANGERS = re.compile(
    "|".join(
        re.escape(first) + re.escape(second)
        for first, second in [
            ("pypi", ".org"),
            ("pypi", ".python.org"),
            ("files.python", "hosted.org"),
            ("npmjs", ".org"),
            ("npmjs", ".com"),
            ("deb.", "debian.org"),
            ("archive.", "ubuntu.com"),
            ("/work", "/main"),
            ("/work", "/shared"),
            ("/root/", ".pyenv"),
        ]
    )
)


def tree() -> list[Path]:
    """Return every file that is, or would be, in the repository."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout: nothing says which files belong to the project")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def imported_modules(source: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a file imports."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_our_short_package_names_belong_to_nobody_else(package: str) -> None:
    owners = set(metadata.packages_distributions().get(package, []))
    spec = importlib.util.find_spec(package)

    assert owners <= {"innwatch"}
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)


def test_no_file_names_a_package_registry_or_a_path_of_the_machine_it_was_written_on() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tree()
        if (match := STRANGERS.search(path.read_text(encoding="utf-8", errors="replace")))
    ]

    assert found == []


def test_rules_import_nothing_but_the_standard_library_msgspec_and_one_another() -> None:
    allowed = {*sys.stdlib_module_names, "msgspec", "rules"}
    strangers = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "rules").rglob("*.py")
        for name in imported_modules(path)
        if name.partition(".")[0] not in allowed
    }

    assert strangers == set()


PURE_HALF = (
    "access",
    "access_file",
    "claims",
    "delivery",
    "keys",
    "quiet_log",
    "secret",
    "shared_token",
    "tokens",
    "topics",
)


def test_each_module_of_broker_is_of_its_pure_half_or_known_to_config_alone() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (contract,) = (one for one in tools["importlinter"]["contracts"] if one["id"] == "broker-server")
    modules = {f"broker.{path.stem}" for path in (ROOT / "broker").glob("[!_]*.py")}
    pure = {f"broker.{name}" for name in PURE_HALF}

    assert sorted([*pure, *contract["forbidden_modules"]]) == sorted(modules)


def test_no_test_replaces_our_code_with_a_mock() -> None:
    mocking = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "tests").rglob("*.py")
        for name in imported_modules(path)
        if name.startswith(("unittest.mock", "mock", "pytest_mock"))
    }

    assert mocking == set()


def test_the_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(line) for line in project["dependencies"] + project["optional-dependencies"]["dev"]]
    locked = dict(
        re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    )
    unmet = [
        str(requirement)
        for requirement in wanted
        if not requirement.specifier.contains(locked.get(requirement.name.lower(), "0"), prereleases=True)
        or requirement.name.lower() not in locked
    ]

    assert unmet == []


LOG_CALLS = {"debug": 0, "info": 0, "warning": 0, "error": 0, "exception": 0, "critical": 0, "log": 1}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_log_line_is_an_event_in_fixed_words_and_fields(package: str) -> None:
    wrong = [
        f"{source.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)}"
        for source in sorted((ROOT / package).rglob("*.py"))
        for call in log_calls(source)
        if not is_event_and_fields(call)
    ]

    assert wrong == []


def log_calls(source: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "_log" | "logger"), attr=verb)):
                if verb in LOG_CALLS:
                    yield node


def is_event_and_fields(call: ast.Call) -> bool:
    """The words are the code's own and ask for nothing; the fields are one mapping, without the names of the line's."""
    assert isinstance(call.func, ast.Attribute)
    words, *fields = call.args[LOG_CALLS[call.func.attr] :]
    match fields:
        case []:
            names = set()
        case [ast.Dict(keys=keys)]:
            names = {key.value for key in keys if isinstance(key, ast.Constant)}
        case _:
            names = {"event"}
    is_fixed = not isinstance(words, ast.Constant) or "%" not in str(words.value)
    is_made = isinstance(words, ast.JoinedStr | ast.BinOp)
    return is_fixed and not is_made and not names & {"at", "level", "logger", "event", "traceback"}
