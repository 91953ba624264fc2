"""What the bridge knows of each hotel's silences, and which of them are outages (`rules.outage`).

Like a tablet's state it is changed after a commit, never before: a batch judges on an `Outlook` of its own. After a
start it is what the store and the states say. Of a tablet's last minute only what was heard since we
began to listen counts, so that history judged again comes to the same.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from device_bridge.draft_states import DraftStates
from device_bridge.fleet import Fleet
from device_bridge.queue import InputQueue, OutageDue
from device_bridge.tablet import Tablet
from device_bridge.watch import Watch
from rules.absence import Absent, Sample, Spot, absent_of, is_absent, is_online, spots_of, wait_of, why_apart
from rules.alarm import Occasion
from rules.alerts import AlertChange, ChangeKind, Family, Reason
from rules.gap import Gap
from rules.ids import DeviceId, HotelId, IncidentId
from rules.messages import DeviceMessage, Heartbeat
from rules.outage import (
    TOLD_AGAIN,
    Incident,
    IncidentChange,
    Outages,
    Turn,
    deadline,
    follow,
    pass_deadline,
    without_strangers,
)
from rules.place import heard_bssid
from rules.power import is_plugged
from rules.silences import Silences
from rules.state import DeviceState, Verdict
from store import Store
from store.batch import IncidentTurn
from store.incidents import Lasting

_LOOK_EVERY_S = 0.5
_ASK_AGAIN = timedelta(seconds=10)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class KnownOutages:
    """The outages of all hotels, between two commits."""

    def __init__(
        self, *, store: Store, fleet: Fleet, queue: InputQueue, watch: Watch, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._queue = queue
        self._watch = watch
        self._now = now
        self._known: dict[HotelId, Outages] = {}
        self._asked: dict[HotelId, datetime] = {}  # when the queue was told of a deadline that is not judged yet

    async def load(self) -> None:
        """Go on where the last bridge left off, for the start. Raises StoreUnavailable."""
        for hotel_id in self._fleet.hotels:
            lasting = await self._store.lasting_incidents(hotel_id)
            self._known[hotel_id] = self._remembered(hotel_id, lasting)

    def outlook(self, states: DraftStates) -> "Outlook":
        """For one batch."""
        return Outlook(self._known, self._fleet, states=states, watching_since=self._watch.watching_since)

    def adopt(self, outlook: "Outlook") -> None:
        """After the commit."""
        self._known.update(outlook.own)
        for hotel_id in outlook.own:
            self._asked.pop(hotel_id, None)

    def look_again(self, hotel_id: HotelId) -> None:
        """A tablet is no more: an incident that waits for it need not."""
        self._queue.put(OutageDue(hotel_id, self._now()))

    async def run(self) -> None:
        """Have the deadlines of incidents judged as they come, until cancelled; not while nobody can be heard."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if self._watch.is_listening():
                self.look(self._now())

    def look(self, now: datetime) -> None:
        """Hand what is due at `now` to the queue; again after a while, should it not have been stored."""
        since = self._watch.watching_since
        for hotel_id, outages in self._known.items():
            if not outages.incidents:
                continue  # the grace is looked for among all tablets
            due = deadline(outages, watching_since=since, grace=self._fleet.restart_grace(hotel_id))
            asked = self._asked.get(hotel_id)
            waits = asked is not None and asked <= now < asked + _ASK_AGAIN
            if due is not None and due <= now and not waits:
                self._asked[hotel_id] = now
                self._queue.put(OutageDue(hotel_id, now))

    def _remembered(self, hotel_id: HotelId, lasting: list[Lasting]) -> Outages:
        absent = {
            tablet.device_id: one
            for tablet in self._fleet.tablets(hotel_id)
            if (one := absent_of(tablet.state, tablet.assignment, watching_since=_LONG_AGO))
        }
        resolved = {
            tablet.device_id for tablet in self._fleet.tablets(hotel_id) if tablet.state.silence.silent is not None
        }
        incidents = [_incident(one, absent, resolved=resolved - absent.keys(), now=self._now()) for one in lasting]
        members = {device_id for incident in incidents for device_id in incident.silent}
        return Outages(Silences({name: one for name, one in absent.items() if name not in members}), incidents)


class Outlook:
    """The outages as one batch makes them: `own` are those that it changed, copies until the commit.

    `turns`: what became of incidents, to be written with it.
    """

    def __init__(
        self,
        known: dict[HotelId, Outages],
        fleet: Fleet,
        *,
        states: DraftStates,
        watching_since: datetime,
    ) -> None:
        self.own: dict[HotelId, Outages] = {}
        self.turns: list[IncidentTurn] = []
        self.heard: list[tuple[Tablet, Sample]] = []  # what the heartbeats of the batch said, in order
        self.strange: list[tuple[Tablet, Heartbeat]] = []  # on access points that are not known as the hotel's
        self._known = known
        self._fleet = fleet
        self._states = states
        self._watching_since = watching_since
        self._crowds: dict[HotelId, Counter[Spot]] = {}

    def hear(self, tablet: Tablet, message: DeviceMessage, *, at: datetime) -> None:
        """Take note of what a heartbeat says of where its tablet is."""
        if isinstance(message, Heartbeat):
            place, bssid = tablet.assignment.place, message.wifi_bssid
            if bssid != tablet.state.bssid:
                bssid = heard_bssid(bssid, last=tablet.state.bssid, place=place)
            self.heard.append((tablet, Sample(at, message.rssi, is_plugged(message), bssid)))
            if message.aps and message.wifi_bssid not in place.hotel_access_points:
                self.strange.append((tablet, message))

    def adopt(self) -> None:
        """After the commit: the tablets remember their last minute."""
        for tablet, sample in self.heard:
            tablet.remember(sample)

    def moved(self, tablet: Tablet, before: DeviceState, verdict: Verdict) -> Reason | None:
        """What says that a tablet moved before it fell silent by this verdict; None: nothing, or it did not."""
        if not is_absent(verdict.state) or is_absent(before):
            return None
        lately = [one for one in self._lately(tablet) if one.at >= self._watching_since]
        return why_apart(verdict.state, lately, assignment=tablet.assignment)

    def follow(
        self, tablet: Tablet, *, before: DeviceState, after: DeviceState, changes: tuple[AlertChange, ...]
    ) -> None:
        """Take note of a verdict. Most change nothing here."""
        crowd = self._crowds.get(tablet.hotel_id)
        if crowd is not None and _where(before, tablet) != _where(after, tablet):
            crowd.subtract(_where(before, tablet))
            crowd.update(_where(after, tablet))
        if before.silence is after.silence and before.alerts is after.alerts:
            return
        alert = after.alerts.get(Family.SILENCE)
        resolved_at = None if alert is None else alert.dismissed_at
        at = next((one.at for one in changes if one.alert.family is Family.SILENCE), resolved_at or after.last_heard)
        if at is None:
            return
        made = follow(
            self._own(tablet.hotel_id),
            before,
            after,
            crowd=lambda: self._crowd(tablet.hotel_id),
            watching_since=self._watching_since,
            occasion=Occasion(tablet.assignment, "outage", at),
        )
        self._take(tablet.hotel_id, made)

    def wait_of(self, tablet: Tablet, change: AlertChange, after: DeviceState) -> timedelta:
        """How long a notice waits for others with the same cause: that of a silence which an outage may explain."""
        if change.alert.family is not Family.SILENCE or change.kind not in _FIRST_NOTICES:
            return timedelta(0)
        absent = absent_of(after, tablet.assignment, watching_since=self._watching_since)
        return timedelta(0) if absent is None else wait_of(tablet.assignment)

    def spoken_for(self, tablet: Tablet, change: AlertChange) -> IncidentId | None:
        """The incident that is told instead of what changed."""
        if change.alert.family is not Family.SILENCE:
            return None
        outages = self.own.get(tablet.hotel_id, self._known.get(tablet.hotel_id))
        return None if outages is None else outages.incident_of(tablet.device_id)

    def shift(self, hotel_id: HotelId, gap: Gap) -> None:
        """We heard nobody for a while."""
        if self._known.get(hotel_id) or hotel_id in self.own:
            self._own(hotel_id).shift(gap)

    def pass_deadline(self, hotel_id: HotelId, now: datetime) -> list[tuple[IncidentChange, list[Tablet]]]:
        """Split what is to be split by `now`, and say what lasts; each incident with the tablets that are lost."""
        outages = self._own(hotel_id)
        made = without_strangers(outages, lambda name: self._fleet.find(hotel_id, name) is not None, at=now)
        self._take(hotel_id, made)
        split: list[tuple[IncidentChange, list[Tablet]]] = []
        since, grace = self._watching_since, self._fleet.restart_grace(hotel_id)
        while (due := deadline(outages, watching_since=since, grace=grace)) is not None and due <= now:
            made = pass_deadline(outages, watching_since=since, grace=grace, at=due)
            self._take(hotel_id, made)
            split += [(change, list(self._found(hotel_id, change.lost))) for change in made]
        return split

    def _found(self, hotel_id: HotelId, names: tuple[DeviceId, ...]) -> Iterator[Tablet]:
        for name in names:
            tablet = self._fleet.find(hotel_id, name)
            if tablet is not None:
                yield tablet

    def _own(self, hotel_id: HotelId) -> Outages:
        """To be changed: the batch may come to nothing, and then nothing has happened."""
        if hotel_id not in self.own:
            known = self._known.get(hotel_id)
            self.own[hotel_id] = Outages() if known is None else known.copy()
        return self.own[hotel_id]

    def _lately(self, tablet: Tablet) -> list[Sample]:
        return [*tablet.lately, *(sample for one, sample in self.heard if one is tablet)]

    def _crowd(self, hotel_id: HotelId) -> Counter[Spot]:
        """Counted where the first silence of a batch asks, and kept up from there on."""
        crowd = self._crowds.get(hotel_id)
        if crowd is None:
            tablets = self._fleet.tablets(hotel_id)
            crowd = Counter(spot for tablet in tablets for spot in _where(self._states.of(tablet), tablet))
            self._crowds[hotel_id] = crowd
        return crowd

    def _take(self, hotel_id: HotelId, made: tuple[IncidentChange, ...]) -> None:
        for change in made:
            last = self.turns[-1] if self.turns else None
            if last is None or not _continues(last, hotel_id, change):
                self.turns.append(IncidentTurn(hotel_id, change))
            else:  # Forty tablets that fall silent at once are one turn.
                absorbed = last.change.absorbed + change.absorbed
                self.turns[-1] = IncidentTurn(
                    hotel_id, replace(last.change, incident=change.incident, absorbed=absorbed)
                )


_FIRST_NOTICES = frozenset({ChangeKind.OPENED, ChangeKind.REOPENED, ChangeKind.FLAPPING, ChangeKind.RELEASED})


def _where(state: DeviceState, tablet: Tablet) -> tuple[Spot, ...]:
    return spots_of(state, tablet.assignment) if is_online(state) else ()


def _continues(last: IncidentTurn, hotel_id: HotelId, change: IncidentChange) -> bool:
    same = last.hotel_id == hotel_id and last.change.incident.id == change.incident.id
    return same and change.turn is Turn.GREW and last.change.turn is not Turn.CLOSED


def _incident(
    lasting: Lasting, absent: Mapping[DeviceId, Absent], *, resolved: AbstractSet[DeviceId], now: datetime
) -> Incident:
    """Who came back and is silent anew has another alert, for which the incident does not speak.

    Since when half of them are back was not written down: since now. Nor was when people were last told that it lasts:
    at the last full hour of it, so that they are again at the next.
    """
    known = lasting.incident
    members = sorted(set(lasting.alerts.values()))
    silent = {name: absent[name] for name in members if name in absent and absent[name].alert_id in lasting.alerts}
    excused = set(members) & resolved
    incident = Incident(
        id=known.id,
        spot=Spot(known.scope, known.place or ""),
        opened_at=known.opened_at,
        told_at=now - (now - known.opened_at) % TOLD_AGAIN,
        silent=Silences(silent),
        back=set(members) - silent.keys() - excused,
        excused=excused,
        back_at=known.back_at,
        why=known.why,
    )
    incident.half_at = (known.back_at or now) if incident.is_half_back else known.back_at
    return incident
