"""The make-believe hotel's own system: it says who checks in and out, as one that is an integrator does."""

import json
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from paho.mqtt import MQTTException, publish
from paho.mqtt.enums import MQTTProtocolVersion

from broker.topics import Kind, Topic, name_of
from config.simulate.connection import Address
from rules.ids import HotelId, IntegratorName, RoomId
from rules.room_status import PmsKind


class FrontDeskIdentity(Struct, frozen=True, rename="camel", kw_only=True):
    """An integrator of the store with a token of the scope `pms`."""

    hotel_id: HotelId
    name: IntegratorName
    token: str

    def __repr__(self) -> str:
        return f"FrontDeskIdentity({self.hotel_id}/{self.name})"


class FrontDesk:
    """Says each word by a connection of its own: there are few, and then nobody has to mind it."""

    def __init__(
        self,
        identity: FrontDeskIdentity,
        *,
        address: Address,
        clock: Callable[[], datetime],
        say: Callable[[str], None],
    ) -> None:
        self._identity = identity
        self._address = address
        self._clock = clock
        self._say = say

    def tell(self, kind: PmsKind, room_id: RoomId) -> None:
        """Returns when the broker has it, or has been away for so long that it is of no use."""
        hotel_id, name, now = self._identity.hotel_id, self._identity.name, self._clock()
        word = {"id": f"{room_id}-{now.timestamp() * 1000:.0f}", "ts": now.isoformat(), "roomId": room_id}
        username = f"{hotel_id}/integrator/{name}"
        try:
            publish.single(
                name_of(Topic(Kind.PMS_IN, hotel_id, name, kind)),
                json.dumps(word),
                qos=1,
                hostname=self._address.host,
                port=self._address.port,
                client_id=f"{username}/front-desk",
                auth={"username": username, "password": self._identity.token},
                tls=self._address.tls,  # type: ignore[arg-type]  # a context does as well
                protocol=MQTTProtocolVersion.MQTTv311,
            )
        except (OSError, MQTTException) as error:
            self._say(f"the front desk could not say {kind} of {room_id}: {error}")
        else:
            self._say(f"the front desk says {kind} of {room_id}")
