"""docs/configuration.md has every setting as the code has it."""

import re
from pathlib import Path

import pytest

from config.settings import KNOWN, SECTIONS
from tests.config.configuration import DOCUMENT, READERS, page, readers

DOCUMENTS = [DOCUMENT.parents[1] / "README.md", *DOCUMENT.parent.glob("*.md")]
VARIABLES = [variable for variables in SECTIONS.values() for variable in variables]


def test_the_page_is_what_the_settings_say() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == page(text), "python -m tests.config.configuration"


def test_every_variable_has_a_row_with_its_default_and_whom_it_concerns() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)`[^|]*\|[^|]*\| ([^|]*) \| [^|]+ \| [^|]+\. \|$", DOCUMENT.read_text(), re.MULTILINE)
    )
    assert set(rows) == {variable.name for variable in VARIABLES}
    assert all(variable.shown_default in rows[variable.name] for variable in VARIABLES)


def test_whom_a_setting_concerns_is_said_of_settings_that_there_are() -> None:
    used = {max((one for one in READERS if variable.name.startswith(one)), key=len) for variable in VARIABLES}
    assert used == set(READERS)
    assert all(readers(variable) for variable in VARIABLES)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_page_names_a_setting_that_there_is_not(document: Path) -> None:
    named = set(re.findall(r"\b(?:INNWATCH|SMTP|SLACK|DATABASE|REDIS)_[A-Z_]*[A-Z]\b", document.read_text()))
    assert named <= KNOWN
