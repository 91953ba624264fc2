"""docs/mqtt.md is what the marks say, and the marks leave nothing out."""

import re
import subprocess
import sys

from tests.broker.standard.marks import ROOT
from tests.broker.standard.statements import Shown, Statement, faults, read, section

TEST = [Shown("tests/test_x.py", "test_x")]


def test_the_document_is_what_the_marks_generate() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "tests.broker.standard", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_all_statements_of_the_standard_are_listed_in_order() -> None:
    statements = read()
    assert len(statements) == 141
    assert all(re.fullmatch(r"\d\.\d+\.\d-\d+", number) for number in statements)
    order = [[int(part) for part in re.split(r"\D", number)] for number in statements]
    assert order == sorted(order)
    assert {section(number) for number in statements}


def test_a_statement_of_servers_needs_a_test_and_one_of_clients_does_not() -> None:
    statements = {
        "1.1.1-1": Statement("server", "one"),
        "1.1.1-2": Statement("both", "two", otherwise="because"),
        "1.1.1-3": Statement("client", "three"),
        "1.1.1-4": Statement("server", "four", void="there is nothing"),
    }
    assert list(faults(statements, {"1.1.1-1": TEST})) == ["no test shows MQTT-1.1.1-2: two"]


def test_a_mark_names_a_statement_that_there_is_and_that_can_be_shown() -> None:
    statements = {"1.1.1-1": Statement("server", "one", void="there is nothing")}
    assert list(faults(statements, {"1.1.1-1": TEST, "9.9.9-9": TEST})) == [
        "MQTT-1.1.1-1 cannot be shown, since nothing of ours can break it: there is nothing",
        "there is no statement MQTT-9.9.9-9: tests/test_x.py::test_x",
    ]
