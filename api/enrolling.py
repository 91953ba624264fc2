"""Enrolment over HTTP: making a code with its token, its link and its picture, and reading what a tablet brings.

The picture holds the link, and the link the code: what stands after `#` in an address is sent to nobody, and a code is
short enough for a picture that fits into a terminal. The token says the same to whoever has the answer itself.
"""

import io
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import segno
from msgspec import Struct

from api.allowances import Allowance, Allowances
from api.attempts import network_of
from api.problems import Refused, Trouble, too_many, unauthorized
from api.records import Id
from broker.tokens import KeyRing, TokenReason, TokenRefused, TokenType, mint_enrol
from rules.ids import DeviceId, EnrolmentId, HotelId, RoomId
from store import Actor, EnrolmentRefused, NotFound, Store, Unusable
from store.enrolment import LIFE, is_code, new_code
from store.records import Enrolment, EnrolmentState

WAIT: Final = timedelta(seconds=10)
"""When a tablet that waits for a yes may ask again."""

WRONG_CODES: Final = Allowance(20, timedelta(seconds=3))
"""From one network. A code has 60 bits and lives for minutes, but nobody need guess as fast as we answer."""


class NewEnrolment(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """For which room, and for which tablet if only one may come.

    `again`: one that is known may come (it was wiped, or is other hardware); the tokens that it has are void then.
    """

    room_id: Id
    device_id: Id | None = None
    again: bool = False


class EnrolmentView(Struct, frozen=True, rename="camel", kw_only=True):
    """A code without the code. `wantedDeviceId` is the known tablet that waits for a yes, or did."""

    id: EnrolmentId
    state: EnrolmentState
    room_id: RoomId
    device_id: DeviceId | None
    again: bool
    created_by: str
    created_at: datetime
    expires_at: datetime
    wanted_device_id: DeviceId | None
    wanted_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None
    withdrawn_at: datetime | None
    used_at: datetime | None
    enrolled_device_id: DeviceId | None


class IssuedEnrolment(Struct, frozen=True, rename="camel", kw_only=True):
    """What the tablet needs, told once: the code to type, the link to open, its picture to scan (SVG), or the token."""

    id: EnrolmentId
    room_id: RoomId
    device_id: DeviceId | None
    again: bool
    expires_at: datetime
    code: str
    link: str
    qr: str
    token: str

    def __repr__(self) -> str:
        return f"IssuedEnrolment({self.id!r})"


def view_of(enrolment: Enrolment, now: datetime) -> EnrolmentView:
    return EnrolmentView(
        id=enrolment.id,
        state=enrolment.state(now),
        room_id=enrolment.room_id,
        device_id=enrolment.device_id,
        again=enrolment.again,
        created_by=enrolment.created_by,
        created_at=enrolment.created_at,
        expires_at=enrolment.expires_at,
        wanted_device_id=enrolment.wanted_device_id,
        wanted_at=enrolment.wanted_at,
        approved_by=enrolment.approved_by,
        approved_at=enrolment.approved_at,
        withdrawn_at=enrolment.withdrawn_at,
        used_at=enrolment.used_at,
        enrolled_device_id=enrolment.enrolled_device_id,
    )


class Reception:
    """Makes codes, and reads who comes with one; `refused` is told why a token was none."""

    def __init__(
        self,
        *,
        store: Store,
        keys: KeyRing,
        clock: Callable[[], datetime],
        refused: Callable[[TokenReason], None] = lambda _: None,
    ) -> None:
        self._refused = refused
        self._store = store
        self._keys = keys
        self._clock = clock
        self._wrong = Allowances(WRONG_CODES, remembered=10_000)

    async def issue(self, hotel_id: HotelId, wanted: NewEnrolment, *, here: str, by: Actor) -> IssuedEnrolment:
        """Make a code; `here` is our own address. Raises NotFound (room)."""
        now, code, enrolment_id = self._clock(), new_code(), EnrolmentId(secrets.token_hex(8))
        made = await self._store.add_enrolment(
            hotel_id,
            enrolment_id,
            code=code,
            room_id=RoomId(wanted.room_id),
            device_id=None if wanted.device_id is None else DeviceId(wanted.device_id),
            again=wanted.again,
            by=by,
            now=now,
        )
        link = link_of(here, code)
        return IssuedEnrolment(
            id=made.id,
            room_id=made.room_id,
            device_id=made.device_id,
            again=made.again,
            expires_at=made.expires_at,
            code=code,
            link=link,
            qr=picture(link),
            token=mint_enrol(self._keys, hotel_id=hotel_id, gen=1, now=now, ttl=LIFE, jti=enrolment_id),
        )

    async def replace(
        self, hotel_id: HotelId, device_id: DeviceId, *, new_id: DeviceId | None, here: str, by: Actor
    ) -> IssuedEnrolment:
        """Shut a tablet out, and make the code with which other hardware takes its place. Raises NotFound, Exists."""
        device = await self._store.replace_device(
            hotel_id, device_id, new_id=new_id or device_id, by=by, now=self._clock()
        )
        wanted = NewEnrolment(room_id=device.room_id, device_id=device.id, again=True)
        return await self.issue(hotel_id, wanted, here=here, by=by)

    async def read(self, brought: str, *, address: str) -> tuple[HotelId, EnrolmentId]:
        """Return the enrolment that somebody's token or code is for; whether it is good still, its use will tell.

        Raises Refused: 401 for what is none, 410 for a token whose time is up, 429 after too many wrong ones.
        """
        now, where = self._clock(), network_of(address)
        wait = self._wrong.wait(where, now)
        if wait > timedelta():
            raise too_many(wait)
        try:
            return await self._read(brought, now=now)
        except Refused:
            self._wrong.count(where, now)
            raise

    async def _read(self, brought: str, *, now: datetime) -> tuple[HotelId, EnrolmentId]:
        if is_code(brought):
            found = await self._store.enrolment_by_code(brought)
            if found is None:
                raise unauthorized(Trouble.ENROLMENT_UNKNOWN)
            return found
        try:
            claims = self._keys.verify(brought, audience="api", now=now)
        except TokenRefused as refusal:
            self._refused(refusal.reason)
            if refusal.reason is TokenReason.EXPIRED:
                raise Refused(Trouble.ENROLMENT_EXPIRED) from None
            raise unauthorized(Trouble.TOKEN_INVALID) from None
        if claims.type is not TokenType.ENROL or claims.hotel_id is None:
            raise Refused(Trouble.FORBIDDEN, f"a token of type {claims.type} enrols nobody")
        return claims.hotel_id, EnrolmentId(claims.name)


def link_of(here: str, code: str) -> str:
    return f"{here}/enrol#{code}"


def picture(link: str) -> str:
    """The link as a QR code: an SVG to stand in a page."""
    drawn = io.BytesIO()
    segno.make(link, error="m", micro=False).save(drawn, kind="svg", scale=4, xmldecl=False, title="Enrolment")
    return drawn.getvalue().decode().strip()


def refused(refusal: EnrolmentRefused) -> Refused:
    """The problem that says why an enrolment is of no use."""
    return Refused(_TROUBLES[refusal.why], str(refusal))


def unknown(_: NotFound) -> Refused:
    """A token of ours whose enrolment is gone."""
    return unauthorized(Trouble.ENROLMENT_UNKNOWN)


_TROUBLES: Final = {
    Unusable.USED: Trouble.ENROLMENT_USED,
    Unusable.EXPIRED: Trouble.ENROLMENT_EXPIRED,
    Unusable.WITHDRAWN: Trouble.ENROLMENT_WITHDRAWN,
    Unusable.FOREIGN: Trouble.ENROLMENT_FOREIGN,
    Unusable.SUSPENDED: Trouble.SUSPENDED,
    Unusable.NOBODY_WAITS: Trouble.NOBODY_WAITS,
}
