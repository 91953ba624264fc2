"""How a tablet gets its token: the first one for an enrolment, the next ones for the one before."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.actors import SHARED, acting
from api.addresses import Addresses
from api.allowances import Allowance, Allowances
from api.callers import Callers
from api.enrolling import WAIT, Reception, refused, unknown
from api.gate import Caller, bearer, hotel_of, needs_device
from api.parameters import Asked, checked
from api.problems import Refused, Trouble, problems, too_many, unauthorized
from api.records import AskedToken, Registered, RegisterTablet, RenewedToken
from api.settings import ApiSettings
from api.speakers import NOT_FOR_IT
from api.tablets import TabletDesk
from broker.shared_token import SharedToken
from rules.ids import DeviceId, HotelId, RoomId
from store import Actor, ActorKind, EnrolmentRefused, HadToken, NotFound
from store.records import Device

RENEWALS: Final = Allowance(5, timedelta(minutes=10))
"""Of one tablet: each is written down, and a token is good for weeks."""


class Renewals:
    """Counts how often each tablet renews."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._allowances = Allowances(RENEWALS, remembered=10_000)

    def count(self, sub: str) -> None:
        """Raises Refused (429)."""
        now = self._clock()
        wait = self._allowances.wait(sub, now)
        if wait > timedelta():
            raise too_many(wait)
        self._allowances.count(sub, now)


@post(
    "/devices/register",
    tags=["agents"],
    status_code=200,
    responses=problems(400, 401, 403, 404, 409, 410, 413, 415, 429, 503),
)
async def register(
    request: Asked,
    reception: NamedDependency[Reception],
    tablet_desk: NamedDependency[TabletDesk],
    addresses: NamedDependency[Addresses],
    callers: NamedDependency[Callers],
    settings: NamedDependency[ApiSettings],
    data: JSONBody[RegisterTablet],
) -> Registered:
    """Trade an enrolment, its code or its token as bearer token, for the tablet's own token; once.

    A tablet that is known already may have to wait for somebody's yes: 409 `enrolment-waits`; ask again then. The token
    that old tablets share fetches the first token of one that it may speak for, and no second: 409 `had-token`.
    """
    brought, shared = bearer(request), settings.shared_token
    checked(deviceId=data.device_id, roomId=data.room_id, hotelId=data.hotel_id)
    if shared is not None and shared.is_(brought):
        by = acting(request, ActorKind.LEGACY, SHARED, callers)
        device, token = await _first(tablet_desk, shared, data, by=by)
        return await _registered(request, tablet_desk, addresses, device, token)
    hotel_id, enrolment_id = await reception.read(brought, address=callers.address(request))
    if data.hotel_id not in (None, hotel_id):
        raise Refused(Trouble.ENROLMENT_FOREIGN, "the code is for another hotel")
    try:
        enrolled = await tablet_desk.enrol(
            hotel_id,
            enrolment_id,
            device_id=DeviceId(data.device_id),
            room_id=None if data.room_id is None else RoomId(data.room_id),
            by=acting(request, ActorKind.DEVICE, data.device_id, callers),
        )
    except EnrolmentRefused as refusal:
        raise refused(refusal) from None
    except NotFound as missing:
        raise unknown(missing) from None
    if enrolled is None:
        raise Refused(
            Trouble.ENROLMENT_WAITS,
            f"{data.device_id} is known already: somebody at the hotel has to say yes.",
            headers={"Retry-After": str(int(WAIT.total_seconds()))},
        )
    return await _registered(request, tablet_desk, addresses, *enrolled)


async def _first(
    tablet_desk: TabletDesk, shared: SharedToken, data: RegisterTablet, *, by: Actor
) -> tuple[Device, str]:
    if data.hotel_id not in (None, shared.hotel_id):
        raise Refused(Trouble.FORBIDDEN, "the shared token acts in another hotel")
    try:
        return await tablet_desk.first(shared.hotel_id, DeviceId(data.device_id), by=by)
    except NotFound:
        raise Refused(Trouble.FORBIDDEN, NOT_FOR_IT) from None
    except HadToken:
        raise Refused(Trouble.HAD_TOKEN, "The shared token fetches no second one: enrol the tablet.") from None


async def _registered(
    request: Asked, tablet_desk: TabletDesk, addresses: Addresses, device: Device, token: str
) -> Registered:
    return Registered(
        token=token,
        expires_in=int(tablet_desk.life.total_seconds()),
        hotel_id=device.hotel_id,
        device_id=device.id,
        room_id=device.room_id,
        broker=addresses.broker(request, sub=f"{device.hotel_id}/{device.id}"),
        config=await tablet_desk.config(device),
    )


@post(
    "/auth/device-token",
    tags=["agents"],
    opt=needs_device(),
    status_code=200,
    responses=problems(400, 401, 403, 404, 413, 415, 429, 503),
)
async def renew_device(
    tablet_desk: NamedDependency[TabletDesk],
    renewals: NamedDependency[Renewals],
    caller: NamedDependency[Caller],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    data: JSONBody[AskedToken],
) -> RenewedToken:
    """Trade a tablet's token that is still good for a fresh one; the one before stays good until its own end."""
    if data.device_id != caller.name or data.hotel_id not in (None, hotel_of(caller)):
        raise Refused(Trouble.FORBIDDEN, "deviceId is not the token's device")
    renewals.count(caller.claims.sub)
    try:
        token = await tablet_desk.renew(hotel_id, DeviceId(caller.name), gen=caller.claims.gen, by=by)
    except NotFound:
        raise unauthorized(Trouble.TOKEN_REVOKED) from None
    return RenewedToken(token=token, expires_in=int(tablet_desk.life.total_seconds()))
