"""Puts what was measured into a document, between two marks, in place of what stood there."""

from pathlib import Path

from bench.failure import BenchFailed

BEGIN = "<!-- figures: begin -->"
END = "<!-- figures: end -->"


def put_figures(path: Path, figures: str) -> None:
    """Replace what stands between the marks; raises BenchFailed unless both are there once, in their order."""
    check_marks(path)
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}")


def check_marks(path: Path) -> None:
    """Raise BenchFailed unless figures can be put there: better before minutes of measuring than after."""
    text = path.read_text() if path.is_file() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise BenchFailed(f"{path} has no place for the figures: {BEGIN} and {END}")
