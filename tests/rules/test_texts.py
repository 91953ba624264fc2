"""What people may write, and what is said of what they may not."""

from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from rules.ids import NO_ID
from rules.texts import LINE, LINES, WRONG_WITH_LINE, WRONG_WITH_LINES, as_lines, in_words, is_line, is_lines

TURNING = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]


@pytest.mark.parametrize("text", ["Suite 4, Gang B", "שלום", "غرفة", "\N{ROMAN NUMERAL SEVEN} – 7° 🛏"])
def test_every_script_may_be_written(text: str) -> None:
    assert is_line(text)
    assert is_lines(f"{text}\n{text}")


@pytest.mark.parametrize("character", TURNING, ids=ascii)
def test_nobody_turns_the_direction_of_writing(character: str) -> None:
    text = f"room {character}402"

    assert (is_line(text), is_lines(text), as_lines(text)) == (False, False, "room 402")


@pytest.mark.parametrize("character", ["\0", "\t", "\n", "\x1b", "\x7f", "\x9b"], ids=ascii)
def test_a_line_has_no_control_character(character: str) -> None:
    assert not is_line(f"paint{character}")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [(LINE, WRONG_WITH_LINE), (LINES, WRONG_WITH_LINES), (r"^[A-Za-z0-9_-]{1,64}\Z", NO_ID)],
)
def test_nobody_reads_a_pattern(pattern: str, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(["room \u202e402"], list[Annotated[str, Meta(pattern=pattern)]])

    assert in_words(str(refused.value)) == f"{words} - at `$[0]`"
