"""What somebody saw, in one short word: whoever changes it says the word, and is refused when it is another by now."""

from hashlib import blake2b
from typing import Final

import msgspec

_BYTES: Final = 6
"""Of two that differ, one pair in 2^48 has the same word."""


def fingerprint(*seen: object) -> str:
    """Twelve hexadecimal digits, the same for the same. `seen` is what msgspec can write; floats are floats."""
    return blake2b(msgspec.json.encode(seen, order="deterministic"), digest_size=_BYTES).hexdigest()
