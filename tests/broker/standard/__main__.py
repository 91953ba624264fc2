"""Writes what docs/mqtt.md says about the standard, from the marks on the tests: python -m tests.broker.standard.

With --check it writes nothing and exits 1 if the document is not what would be written. Either way it exits 1 if a mark
names no statement, or a statement that a server can break has no test.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from tests.broker.standard.marks import ROOT, collect
from tests.broker.standard.statements import Shown, Statement, faults, read, section

DOCUMENT = ROOT / "docs" / "mqtt.md"
HERE = "<!-- What follows is written by `python -m tests.broker.standard`. -->\n"


def main(arguments: Sequence[str]) -> int:
    statements, shown = read(), collect()
    wrong = list(faults(statements, shown))
    known = {number: tests for number, tests in shown.items() if number in statements}
    before = DOCUMENT.read_text(encoding="utf-8")
    after = before.partition(HERE)[0] + HERE + "\n" + "\n".join(_lines(statements, known)) + "\n"
    if arguments == ["--check"]:
        if before != after:
            wrong.append("docs/mqtt.md is out of date: python -m tests.broker.standard")
    else:
        DOCUMENT.write_text(after, encoding="utf-8")
    for fault in wrong:
        print(fault, file=sys.stderr)  # noqa: T201, a command line
    return 1 if wrong else 0


def _lines(statements: Mapping[str, Statement], shown: Mapping[str, Sequence[Shown]]) -> Iterator[str]:
    ours = {number: one for number, one in statements.items() if one.binds != "client"}
    yield "## Answered otherwise"
    yield ""
    for number, one in ours.items():
        if one.otherwise is not None:
            yield f"* **{number}** {one.says} *Otherwise:* {_line(one.otherwise)}"
    yield ""
    yield "## What a server can break"
    yield ""
    yield f"{len(ours)} of the {len(statements)} statements; some of them bind clients as well."
    yield from _tables(ours, shown)
    yield ""
    yield "## What only clients can break"
    yield ""
    yield "Where there is a test, it shows what happens to a client that does."
    yield from _tables({number: one for number, one in statements.items() if one.binds == "client"}, shown)


def _tables(statements: Mapping[str, Statement], shown: Mapping[str, Sequence[Shown]]) -> Iterator[str]:
    for title, numbers in groupby(statements, key=section):
        yield ""
        yield f"### {title}"
        yield ""
        yield "| | | |"
        yield "| --- | --- | --- |"
        for number in numbers:
            one = statements[number]
            tests = ", ".join(_link(test) for test in shown.get(number, ()))
            if one.void is not None:
                tests = _line(one.void)
            yield f"| {number}{'*' if one.otherwise else ''} | {_line(one.says)} | {tests or '–'} |"


def _link(test: Shown) -> str:
    name, _, case = test.name.removeprefix("test_").replace("_", " ").partition("[")
    return f"[{name}{f' ({case[:-1]})' if case else ''}](../{test.file})"


def _line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
