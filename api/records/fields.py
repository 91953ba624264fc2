"""What may stand in a field that somebody writes."""

from typing import Annotated

from msgspec import Meta

from rules.response import NOTE_LIMIT
from rules.texts import LINE, LINES

Word = Annotated[str, Meta(min_length=1, max_length=64, pattern=LINE)]
Words = Annotated[str, Meta(max_length=NOTE_LIMIT, pattern=LINES)]
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
Bssids = Annotated[tuple[Annotated[str, Meta(max_length=17)], ...], Meta(max_length=64)]
Dbm = Annotated[float, Meta(ge=-126, le=0)]
Given = Annotated[str, Meta(max_length=1000)] | bool | Annotated[int, Meta(ge=-(2**53), le=2**53)] | float | None
"""An argument of a command: for the tablet, as it was given."""
