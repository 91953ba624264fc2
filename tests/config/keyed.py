"""A data folder whose keys come and go, at a time that the tests choose."""

from datetime import UTC, datetime, timedelta

from broker.keys import Algorithm, new_key
from broker.tokens import KeyRing, TokenRefused, mint_device
from config.folder import Folder
from config.key_file import KeyFile, rotated, taken_out
from config.keys import Keys, key_ring
from config.settings import read_settings
from rules.ids import DeviceId, HotelId

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SECRET, OTHER = "kQ7vX2mB9tZ4wL8nR3pY6cF1hJ5dG0sA", "Zw8Lq2Nf6Vb3Xc9Ty1Uj5Ik7Om4Ph0Rd"
MINUTE, YEAR = timedelta(minutes=1), timedelta(days=366)


def ring_of(folder: Folder, now: datetime = NOW, **environment: str) -> KeyRing:
    return key_ring(read_settings(environment), folder, now=now)


def rotate(folder: Folder, *, after: timedelta = timedelta(), algorithm: Algorithm = Algorithm.HS256) -> str:
    """Add a key as `keys rotate` does; its id."""
    new = new_key(algorithm)
    own = Keys(read_settings({}), folder).own
    with KeyFile(folder.keys).changing() as change:
        change.lines = rotated(change.lines, new, elsewhere=own, now=NOW, after=after, keep=YEAR)
    return new.kid


def remove(folder: Folder, kid: str, *, now: datetime = NOW) -> None:
    own = Keys(read_settings({}), folder).own
    with KeyFile(folder.keys).changing() as change:
        change.lines = taken_out(change.lines, kid, elsewhere=own, now=now)


def signer(ring: KeyRing, now: datetime) -> str:
    return ring.signing(now).kid


def token_of(ring: KeyRing, now: datetime = NOW) -> str:
    return mint_device(ring, hotel_id=HotelId("h"), device_id=DeviceId("d"), gen=0, now=now)


def is_good(ring: KeyRing, token: str, now: datetime = NOW) -> bool:
    try:
        ring.verify(token, audience="mqtt", now=now)
    except TokenRefused:
        return False
    return True
