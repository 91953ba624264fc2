"""The place in a document that the bench fills: found before anything is measured, and nothing else touched."""

from pathlib import Path

import pytest

from bench.failure import BenchFailed
from bench.markdown import BEGIN, END, check_marks, put_figures


def test_figures_replace_what_stood_between_the_marks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"# Speed\n\n{BEGIN}\nold\n{END}\n\nMore.\n")

    put_figures(document, "| new |")
    put_figures(document, "| newer |")

    assert document.read_text() == f"# Speed\n\n{BEGIN}\n\n| newer |\n\n{END}\n\nMore.\n"


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}"])
def test_a_document_without_a_place_is_refused(tmp_path: Path, text: str) -> None:
    document = tmp_path / "performance.md"
    document.write_text(text)

    with pytest.raises(BenchFailed, match="no place"):
        check_marks(document)


def test_a_missing_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchFailed, match="no place"):
        check_marks(tmp_path / "nothing.md")
