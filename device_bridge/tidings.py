"""What has been read of the fleet and has not gone on yet: to consoles and the watch, to history, to the rules.

Three ways, each at its own pace. `news` is told until it was stored and published (`told`), `unsaid` is written down
before a verdict counts on it (`said`), and what people decided of tablets with alerts is judged anew, each once
(`decided`). What changes again meanwhile goes on again.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from device_bridge.queue import Decided
from device_bridge.tablet import Tablet, TokenDates
from rules.ids import DeviceId, HotelId
from rules.inputs import InventoryRecord, ReviewRecord
from rules.policy import Assignment
from store.records import DeviceKey


class News(Struct, frozen=True):
    """What has been read and not been told yet.

    Tablets that belong elsewhere, hotels whose rooms changed, tablets that we shut out, those that somebody gave
    another token, and those that are no more.
    """

    tablets: tuple[Tablet, ...]
    hotels: tuple[HotelId, ...]
    shut_out: tuple[Tablet, ...] = ()
    tokens: tuple[tuple[Tablet, TokenDates], ...] = ()
    gone: tuple[tuple[HotelId, DeviceId], ...] = ()


class Unsaid(Struct, frozen=True):
    """What verdicts count on already and history does not say yet: rooms, assignments, tablets that were retired."""

    hotels: tuple[tuple[HotelId, InventoryRecord], ...]
    tablets: tuple[tuple[Tablet, Assignment], ...]
    removed: tuple[tuple[HotelId, DeviceKey], ...]

    def __bool__(self) -> bool:
        return bool(self.hotels or self.tablets or self.removed)


class Tidings:
    """The fleet says what it has read, by the first verbs; the last are for those whom it concerns."""

    def __init__(self) -> None:
        self._new_tablets: dict[DeviceKey, Tablet] = {}
        self._new_hotels: dict[HotelId, None] = {}
        self._newly_out: dict[DeviceKey, Tablet] = {}
        self._gone: dict[tuple[HotelId, DeviceId], None] = {}
        self._new_tokens: dict[DeviceKey, tuple[Tablet, TokenDates]] = {}
        self._unsaid_hotels: dict[HotelId, InventoryRecord] = {}
        self._unsaid_tablets: dict[DeviceKey, tuple[Tablet, Assignment]] = {}
        self._unsaid_removed: dict[DeviceKey, HotelId] = {}
        self._decided: dict[DeviceKey, tuple[Tablet, ReviewRecord]] = {}

    def belongs(self, tablet: Tablet, assignment: Assignment) -> None:
        """It is new, or something of its own is another now."""
        self._new_tablets[tablet.key] = tablet
        self._unsaid_tablets[tablet.key] = tablet, assignment

    def here(self, hotel_id: HotelId, *, before: Mapping[DeviceId, Tablet], now: Mapping[DeviceId, Tablet]) -> None:
        """Which tablets a hotel had and has, by their ids; one that got another id is not retired."""
        for device_id in now:
            self._gone.pop((hotel_id, device_id), None)
        self._gone |= {(hotel_id, device_id): None for device_id in before.keys() - now.keys()}
        kept = {tablet.key for tablet in now.values()}
        self._unsaid_removed |= {tablet.key: hotel_id for tablet in before.values() if tablet.key not in kept}

    def shut_out(self, tablet: Tablet) -> None:
        self._newly_out[tablet.key] = tablet

    def token(self, tablet: Tablet, dates: TokenDates) -> None:
        """These are noted of its newest token; no news, where they are what its state says."""
        known = tablet.state.token
        if dates == TokenDates(known.issued_at, known.expires_at):
            self._new_tokens.pop(tablet.key, None)
        else:
            self._new_tokens[tablet.key] = tablet, dates

    def furnished(self, hotel_id: HotelId, inventory: InventoryRecord) -> None:
        self._new_hotels[hotel_id] = None
        self._unsaid_hotels[hotel_id] = inventory

    def decided_of(self, tablet: Tablet, was: Assignment | None, *, revision: int, rearranged: bool) -> None:
        """A tablet is held against something else than `was`; None: against what is not known.

        `rearranged`: what places of its hotel are made of is something else. Judged it is once, against the first.
        """
        if was is None:
            self._decided[tablet.key] = tablet, ReviewRecord(revision, None, moved=False)
            return
        known = self._decided.get(tablet.key)
        earlier = ReviewRecord(revision, was.policy, moved=False) if known is None else known[1]
        moved = earlier.moved or rearranged or was.place.room_id != tablet.room_id
        self._decided[tablet.key] = tablet, replace(earlier, revision=revision, moved=moved)

    @property
    def news(self) -> News:
        return News(
            tuple(self._new_tablets.values()),
            tuple(self._new_hotels),
            tuple(self._newly_out.values()),
            tuple(self._new_tokens.values()),
            tuple(self._gone),
        )

    @property
    def unsaid(self) -> Unsaid:
        return Unsaid(
            tuple(self._unsaid_hotels.items()),
            tuple(self._unsaid_tablets.values()),
            tuple((hotel_id, key) for key, hotel_id in self._unsaid_removed.items()),
        )

    def said(self, unsaid: Unsaid) -> None:
        """Say that history has it now; what changed again meanwhile is still to be said."""
        for hotel_id, inventory in unsaid.hotels:
            if self._unsaid_hotels.get(hotel_id) is inventory:
                del self._unsaid_hotels[hotel_id]
        for tablet, assignment in unsaid.tablets:
            if self._unsaid_tablets.get(tablet.key) == (tablet, assignment):
                del self._unsaid_tablets[tablet.key]
        for _, key in unsaid.removed:
            self._unsaid_removed.pop(key, None)

    def told(self, news: News) -> None:
        """Say that `news` has been stored and published; what came after it is still news."""
        for tablet in news.tablets:
            self._new_tablets.pop(tablet.key, None)
        for hotel_id in news.hotels:
            self._new_hotels.pop(hotel_id, None)
        for tablet in news.shut_out:
            self._newly_out.pop(tablet.key, None)
        for tablet, dates in news.tokens:
            if self._new_tokens.get(tablet.key) == (tablet, dates):
                del self._new_tokens[tablet.key]
        for name in news.gone:
            self._gone.pop(name, None)

    def decided(self, at: datetime) -> list[Decided]:
        """Tablets with alerts of which people have decided something else, each once; history must say so before, and
        what was being judged meanwhile must be stored.
        """
        decided, self._decided = self._decided, {}
        return [
            Decided(tablet.hotel_id, tablet.device_id, record, at)
            for tablet, record in decided.values()
            if tablet.state.alerts
        ]
