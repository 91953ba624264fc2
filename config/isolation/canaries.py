"""The hidden hotels and who belongs to them.

Every name of a hotel's things ends in the hotel's own, which no other hotel has anything of: where it stands in what
the other hotel got to read, something got through.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from broker.access import SCOPES
from broker.tokens import KeyRing, Role, mint_device, mint_integrator, mint_user
from rules.canaries import CANARIES
from rules.ids import AlertId, CommandId, DeviceId, HotelId, IntegratorName, RoomId, UserName
from store import INNWATCH, Exists, NotFound, Store
from store.records import CommandName, MemberRole, Room

LIFE: Final = timedelta(minutes=5)
"""Of a canary's tokens; a round takes seconds."""


class Canary(Struct, frozen=True, kw_only=True):
    """A hidden hotel, with what others may not see of it, and the tokens of those who belong to it.

    `tokens` are by the subject that each stands for. The alert is there when its tablet was heard once.
    """

    hotel_id: HotelId
    device_id: DeviceId
    room_id: RoomId
    person: UserName
    integrator: IntegratorName
    command_id: CommandId
    alert_id: AlertId | None
    tokens: Mapping[str, str]

    @property
    def mark(self) -> str:
        return self.hotel_id

    @property
    def tablet(self) -> str:
        """The subject of the tablet's token; the next two are the others'."""
        return f"{self.hotel_id}/{self.device_id}"

    @property
    def manager(self) -> str:
        return f"{self.hotel_id}/user/{self.person}"

    @property
    def system(self) -> str:
        return f"{self.hotel_id}/integrator/{self.integrator}"

    def __repr__(self) -> str:
        return f"Canary({self.hotel_id})"


async def furnish(store: Store, *, now: datetime) -> bool:
    """Make sure that both hotels are there, with everybody; True: something was missing."""
    added = [await _furnish(store, hotel_id, now=now) for hotel_id in CANARIES]
    return any(added)


async def canaries(store: Store, keys: KeyRing, *, now: datetime) -> tuple[Canary, Canary]:
    """Both hotels as they are now, with fresh tokens. Raises NotFound before they were furnished."""
    first, second = [await _canary(store, hotel_id, keys, now=now) for hotel_id in CANARIES]
    return first, second


async def _names(store: Store, hotel_id: HotelId) -> tuple[DeviceId, RoomId, UserName, IntegratorName]:
    """Who belongs to it. Whoever was retired or disabled, since something got through, has a successor."""
    tablet, person = DeviceId(f"tablet-of-{hotel_id}"), UserName(f"manager-of-{hotel_id}")
    for number in count(2):
        device = await store.find_device(hotel_id, tablet)
        if device is None or device.retired_at is None:
            break
        tablet = DeviceId(f"tablet-{number}-of-{hotel_id}")
    for number in count(2):
        account = await store.find_account(person)
        if account is None or not account.disabled:
            break
        person = UserName(f"manager-{number}-of-{hotel_id}")
    return tablet, RoomId(f"room-of-{hotel_id}"), person, IntegratorName(f"system-of-{hotel_id}")


async def _furnish(store: Store, hotel_id: HotelId, *, now: datetime) -> bool:
    device_id, room_id, person, integrator = await _names(store, hotel_id)
    steps = (
        lambda: store.add_hidden_hotel(hotel_id, by=INNWATCH, now=now),
        lambda: store.add_room(hotel_id, Room(id=room_id), by=INNWATCH, now=now),
        lambda: store.add_device(hotel_id, device_id, room_id=room_id, by=INNWATCH, now=now),
        lambda: store.add_user(hotel_id, person, role=MemberRole.MANAGER, password_hash=None, by=INNWATCH, now=now),
        lambda: store.add_integrator(hotel_id, integrator, scopes=tuple(SCOPES), by=INNWATCH, now=now),
    )
    added = False
    for step in steps:
        try:
            await step()
        except Exists:
            continue
        added = True
    return added


async def _canary(store: Store, hotel_id: HotelId, keys: KeyRing, *, now: datetime) -> Canary:
    device_id, room_id, person, integrator = await _names(store, hotel_id)
    alerts = (await store.alerts(hotel_id, limit=1)).items
    canary = Canary(
        hotel_id=hotel_id,
        device_id=device_id,
        room_id=room_id,
        person=person,
        integrator=integrator,
        command_id=await _a_command(store, hotel_id, device_id, now=now),
        alert_id=alerts[0].id if alerts else None,
        tokens={},
    )
    return _with_tokens(canary, keys, gens=await _generations(store, canary), now=now)


async def _a_command(store: Store, hotel_id: HotelId, device_id: DeviceId, *, now: datetime) -> CommandId:
    """The newest of the tablet; a new one where the last was forgotten. Its time is up before it is sent."""
    found = (await store.commands(hotel_id, device_id, limit=1)).items
    if found:
        return found[0].id
    made = await store.add_command(hotel_id, device_id, CommandName.LOCATE, {}, by=INNWATCH, now=now, expires_at=now)
    return made.id


async def _generations(store: Store, canary: Canary) -> tuple[int, int, int]:
    device = await store.find_device(canary.hotel_id, canary.device_id)
    account = await store.find_account(canary.person)
    integrator = await store.find_integrator(canary.hotel_id, canary.integrator)
    if device is None or account is None or integrator is None:
        raise NotFound("canary", canary.hotel_id)
    return device.gen, account.gen, integrator.gen


def _with_tokens(canary: Canary, keys: KeyRing, *, gens: tuple[int, int, int], now: datetime) -> Canary:
    device, person, integrator = gens
    hotel_id = canary.hotel_id
    tokens = {
        canary.tablet: mint_device(keys, hotel_id=hotel_id, device_id=canary.device_id, gen=device, now=now, ttl=LIFE),
        canary.manager: mint_user(
            keys, hotel_id=hotel_id, name=canary.person, role=Role.MANAGER, gen=person, now=now, ttl=LIFE
        ),
        canary.system: mint_integrator(
            keys, hotel_id=hotel_id, name=canary.integrator, scope=tuple(SCOPES), gen=integrator, now=now, ttl=LIFE
        ),
    }
    return replace(canary, tokens=tokens)
