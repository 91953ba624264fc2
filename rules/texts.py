"""What people may write: names and reasons on one line, notes on several. What a screen would not show is refused.

Characters that turn the direction of writing (U+202A to U+202E, U+2066 to U+2069) make a line read otherwise than it
was written, and what follows it too: a room's name that says another room. Arabic and Hebrew need none of them.
"""

import re
from typing import Final

from rules.ids import NO_ID

_UNSEEN: Final = r"\x00-\x1f\x7f-\x9f"
_TURNING: Final = r"\u202a-\u202e\u2066-\u2069"

LINE: Final = rf"^[^{_UNSEEN}{_TURNING}]*$"
"""The pattern of a text on one line."""

LINES: Final = rf"^[^\x00{_TURNING}]*$"
"""The pattern of one on several. PostgreSQL keeps no NUL in a text."""

WRONG_WITH_LINE: Final = (
    "has a line break, another control character, or one that turns the direction of writing: leave it out"
)
WRONG_WITH_LINES: Final = "has a NUL, or a character that turns the direction of writing: leave it out"

_SOUND: Final = {LINE: re.compile(LINE[:-1] + r"\Z"), LINES: re.compile(LINES[:-1] + r"\Z")}
_REFUSED: Final = re.compile(rf"[\x00{_TURNING}]")
_PATTERN: Final = re.compile(r"Expected `str` matching regex (?P<pattern>['\"].*['\"])(?= - at |$)", re.DOTALL)
_WRONG: Final = (
    (re.compile(r"Expected `(?:int|float)` >= (-?\d+)(?:\.0)?"), r"must be \1 or more"),
    (re.compile(r"Expected `(?:int|float)` <= (-?\d+)(?:\.0)?"), r"must be \1 or less"),
    (re.compile(r"Expected `(?:str|array)` of length >= 1"), "must not be empty"),
    (re.compile(r"Expected `str` of length <= (\d+)"), r"must be \1 characters or fewer"),
    (re.compile(r"Expected `bool(?: \| null)?`, got `\w+`"), "must be true or false"),
    (re.compile(r"Expected `int(?: \| null)?`, got `\w+`"), "must be a whole number"),
    (re.compile(r"Expected `float(?: \| null)?`, got `\w+`"), "must be a number"),
    (re.compile(r"Expected `str(?: \| null)?`, got `\w+`"), "must be a text"),
    (
        re.compile(
            r"Invalid RFC3339 encoded datetime|Expected `datetime` with a timezone component"
            r"|Expected `datetime(?: \| null)?`, got `\w+`"
        ),
        "is no RFC 3339 time with a zone",
    ),
)
"""A decoder's complaints, and what they are to people."""

_ID: Final = "[A-Za-z0-9_-]{1,64}"


def is_line(text: str) -> bool:
    return _SOUND[LINE].match(text) is not None


def is_lines(text: str) -> bool:
    return _SOUND[LINES].match(text) is not None


def as_lines(text: str) -> str:
    """A text of elsewhere, without what nobody may write here."""
    return _REFUSED.sub("", text)


def in_words(complaint: str) -> str:
    """What a decoder says is wrong with a value, by what would be right, and without what only programmers read."""
    for pattern, words in _WRONG:
        found = pattern.fullmatch(complaint)
        if found is not None:
            return found.expand(words)
    return _PATTERN.sub(lambda found: _words_of(found["pattern"]), complaint)


def _words_of(pattern: str) -> str:
    if pattern == repr(LINE):
        return WRONG_WITH_LINE
    if pattern == repr(LINES):
        return WRONG_WITH_LINES
    return NO_ID if _ID in pattern else "is not written as it must be"
