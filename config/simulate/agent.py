"""The agent on a tablet: stays connected, says its piece in time, and keeps what nobody has taken yet.

It keeps contract §§3-5: `ready` comes first; reports and states are kept until their receipt and sent again without
one; what was said while offline goes out as a backlog, in order, under its first ids and times. It asks for a new token
in time, keeps that before it uses it, and forgets none because somebody would not have it. docs/agents.md tells the
same to whoever writes an agent.
"""

import selectors
import ssl
from collections.abc import Callable
from datetime import datetime
from random import Random

from msgspec import Struct

from broker.topics import Kind
from config.simulate.connection import Address, Connection, Verdict
from config.simulate.errands import Errand, Errands
from config.simulate.identity import TabletIdentity
from config.simulate.kept import Kept
from config.simulate.renewing import Renewing
from config.simulate.tablet import Outgoing, Tablet
from rules.ids import MessageId
from rules.messages import ReportKind
from rules.room_config import RoomConfig

ANSWER_WITHIN = 10.0
RECEIPT_WITHIN, SHORTEST_PATIENCE = 10.0, 2.0
BACK_OFF_FIRST, BACK_OFF_LONGEST = 1.0, 30.0
BACK_OFF_REFUSED = 60.0


class Tally(Struct):
    """What all agents of a fleet did together."""

    online: int = 0
    sent: int = 0
    acknowledged: int = 0
    receipts: int = 0
    rejected: int = 0
    refusals: int = 0  # of CONNECTs
    renewed: int = 0  # tokens


class Surroundings(Struct, frozen=True, kw_only=True):
    """What the agents of a fleet share. `monotonic` is in seconds; `keep` has a new token on disk when it returns."""

    address: Address
    selector: selectors.BaseSelector
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    say: Callable[[str], None]
    tally: Tally
    keep: Callable[[TabletIdentity, str, datetime], None] = lambda _identity, _token, _at: None
    speed: float = 1.0


class Agent:
    """One tablet at work. `act` does what is due; `due` says when to call it next (monotonic seconds)."""

    def __init__(self, tablet: Tablet, *, around: Surroundings, chance: Random, first_at: float) -> None:
        self.tablet = tablet
        self.due = first_at
        self._around = around
        self._chance = chance
        self._kept = Kept(receipt_within=max(RECEIPT_WITHIN / around.speed, SHORTEST_PATIENCE))
        self._errands = Errands()
        identity = tablet.identity
        self._renewing = Renewing(
            identity.token, received_at=identity.received_at or around.clock(), chance=chance, speed=around.speed
        )
        self._changing: MessageId | None = None  # the goodbye after which it comes back with its new token
        self._changes = False  # that goodbye was taken
        self._connection: Connection | None = None
        self._left_open: Connection | None = None  # the frozen one, until the next takes its place
        self._online = False
        self._has_warned = False
        self._wifi = True
        self._connect_at = first_at
        self._answer_until = 0.0
        self._back_off = BACK_OFF_FIRST
        self._interval = identity.interval / around.speed
        self._beat_at = first_at + self._interval

    @property
    def name(self) -> str:
        return self.tablet.identity.device_id

    @property
    def is_online(self) -> bool:
        return self._online

    @property
    def kept_waiting(self) -> int:
        """How many messages its backlog holds."""
        return self._kept.waiting

    @property
    def is_settled(self) -> bool:
        """Whether somebody answers for all that it said, and no answer is still on its way."""
        return self._kept.promised and (self._connection is None or self._connection.is_quiet)

    # -- what scenarios and the fleet ask for

    def report(self, kind: ReportKind, cause: str | None = None) -> None:
        """Tell at once, or in the backlog when there is no connection."""
        message = self.tablet.report(kind, cause, self._around.clock())
        if self._online:
            self._kept.hold(message, self._around.monotonic())
            self._send(message)
        else:
            self._kept.shelve(message)

    def wifi_off(self) -> None:
        """The radio goes off: the broker sees neither a goodbye nor a closed socket."""
        self._wifi = False
        if self._connection is not None:
            self._release()
            self._lost(self._connection.freeze())
            self._left_open, self._connection = self._connection, None
        self.tablet.signal = None
        self.report(ReportKind.BREACH, "wifi-off")

    def wifi_on(self) -> None:
        self._wifi = True
        self.tablet.signal = self.tablet.at_home
        self._connect_at = self.due = self._around.monotonic()

    def say_goodbye(self) -> MessageId | None:
        """Tell the broker's side that this is no silence, as an agent does that is about to be restarted."""
        if not self._online:
            return None
        bye = self.tablet.bye("reconnect", self._around.clock())
        self._kept.hold(bye, self._around.monotonic())
        self._send(bye)
        return bye.id

    def leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._lost([])
        self._connection = None
        self._release()

    # -- time

    def act(self, at: float) -> None:
        if self._changes:
            self._change_connection(at)
        if self._connection is None and self._wifi and at >= self._connect_at:
            self._connect(at)
        if at >= self._beat_at:
            self._beat_at = at + self._interval * self._chance.uniform(0.97, 1.03)
            self._beat()
        if self._connection is not None:
            self._connection.tend()
        if self._online:
            self._repeat(at)
            self._renew(at)
        elif self._connection is not None and at >= self._answer_until:
            self._connection.drop()
            self._retry(at, after=self._back_off)
        self.due = min(at + 1.0, self._beat_at)

    def _connect(self, at: float) -> None:
        self._answer_until = at + ANSWER_WITHIN
        around = self._around
        try:
            self._connection = Connection(
                self.tablet,
                token=self._renewing.token,
                address=around.address,
                selector=around.selector,
                listener=self,
            )
        except ssl.SSLError as error:  # which time will not mend, so somebody should know
            if not self._has_warned:
                self._has_warned = True
                around.say(f"{self.name}: the broker cannot be trusted: {error}")
            self._retry(at, after=BACK_OFF_REFUSED)
        except OSError:  # nobody listens there, or not yet
            self._retry(at, after=self._back_off)

    def _retry(self, at: float, *, after: float) -> None:
        self._connection = None
        self._connect_at = at + after / self._around.speed * self._chance.uniform(0.5, 1.5)
        self._back_off = min(2 * self._back_off, BACK_OFF_LONGEST)

    def _beat(self) -> None:
        beat = self.tablet.heartbeat(self._around.clock(), waiting=self.kept_waiting)
        if self._online:
            self._send(beat)
        else:
            self._kept.shelve(beat)

    def _repeat(self, at: float) -> None:
        """Say again what has no receipt, and the next part of the backlog."""
        for message in self._kept.overdue(at):
            self._send(message)
        part = self._kept.next_part(at)
        if part:
            envelope = self.tablet.backlog(part, self._around.clock())
            self._kept.sending(envelope, part, at)
            self._send(envelope)

    def _renew(self, at: float) -> None:
        """Ask for a token. Nobody keeps the question: without an answer it is asked again, under another id."""
        now = self._around.clock()
        if self._changing is None and self._renewing.is_due(now, at):
            self._renewing.asked(at)
            self._send(self.tablet.renew(now))

    def _change_connection(self, at: float) -> None:
        """A connection ends with the token that it was opened with, so it is exchanged in good time."""
        self._changes = False
        if self._connection is not None:
            unacknowledged = self._connection.freeze()
            self._connection.close()
            self._lost(unacknowledged)
        self._connection, self._connect_at = None, at

    def _send(self, message: Outgoing) -> None:
        if self._connection is not None:
            self._around.tally.sent += 1
            self._connection.send(message)

    # -- what the connection tells

    def connected(self, sid: str) -> None:
        self.tablet.begin_session(sid)
        self._online = True
        self._around.tally.online += 1
        self._back_off = BACK_OFF_FIRST
        self._release()
        at = self._around.monotonic()
        birth = self.tablet.ready(self._around.clock())
        self._kept.start_over()
        self._send(birth)
        self._repeat(at)
        self._kept.hold(birth, at)
        self._beat_at = self.due = at

    def acknowledged(self, message: Outgoing) -> None:
        self._around.tally.acknowledged += 1

    def judged(self, verdict: Verdict) -> None:
        self._around.tally.receipts += 1
        if verdict.verdict == "rejected":
            self._around.tally.rejected += 1
            self._around.say(f"{self.name}: message {verdict.id} was rejected: {verdict.reason}")
        self._kept.judged(verdict)
        if verdict.id == self._changing:
            self._changing, self._changes = None, True
            self.due = self._around.monotonic()

    def asked(self, errand: Errand) -> None:
        now = self._around.clock()
        for answer in self._errands.do(errand, now):
            message = self.tablet.result(errand.id, answer, now)
            self._kept.hold(message, self._around.monotonic())
            self._send(message)

    def configured(self, config: RoomConfig) -> None:
        self.tablet.config_revision = config.revision
        self._interval = config.heartbeat_interval_s / self._around.speed

    def given(self, token: str) -> None:
        """Keep it first: from now on nothing that happens can leave the tablet without one."""
        if token == self._renewing.token:
            return
        now = self._around.clock()
        self._around.keep(self.tablet.identity, token, now)
        self._around.tally.renewed += 1
        self._renewing.take(token, received_at=now)
        self._changing = self.say_goodbye()

    def disconnected(self, *, refusal: str | None, unacknowledged: list[Outgoing]) -> None:
        at = self._around.monotonic()
        self._changing, self._changes = None, False
        self._lost(unacknowledged)
        if refusal is None:
            self._retry(at, after=self._back_off)
            return
        self._around.tally.refusals += 1
        self._around.say(f"{self.name}: the broker refused the connection: {refusal}")
        self._retry(at, after=BACK_OFF_REFUSED)

    def _lost(self, unacknowledged: list[Outgoing]) -> None:
        """Heartbeats that may not have arrived go the way of the backlog; the rest is held already."""
        if self._online:
            self._online = False
            self._around.tally.online -= 1
        for message in unacknowledged:
            if message.kind is Kind.HEARTBEAT:
                self._kept.shelve(message)

    def _release(self) -> None:
        if self._left_open is not None:
            self._left_open.drop()
            self._left_open = None
