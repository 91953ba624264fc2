"""Access points that do not exist."""

from hashlib import blake2b

LARGEST = 2**24 - 1


def made_up_bssid(series: str, number: int) -> str:
    """Return a locally administered BSSID (its first byte is 02), another one for each number from 1 to LARGEST.

    Never 02:00:00:00:00:00, which is Android's word for "unknown".
    """
    tail = blake2b(series.encode(), digest_size=2).digest() + number.to_bytes(3, "big")
    return "02:" + tail.hex(":")
