"""docs/adr/README.md lists every decision, by its number and by its own title."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "adr"


def test_the_index_of_decisions_has_each_of_them_in_order_and_by_its_title() -> None:
    told = re.findall(r"^\| (\d+) \| \[(.+)\]\((.+)\) \|$", (FOLDER / "README.md").read_text(), flags=re.MULTILINE)
    decisions = sorted(FOLDER.glob("[0-9]*.md"))
    titles = [decision.read_text().partition("\n")[0] for decision in decisions]

    assert [name for _, _, name in told] == [decision.name for decision in decisions]
    assert [f"# {number}. {title}" for number, title, _ in told] == titles
