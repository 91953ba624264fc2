"""Which sessions there are: of clients that are connected, and kept for clients that come back.

A device has one session. Everybody else may have several, up to a bound: then the one whose client is away longest
makes room for a new one. A session that is kept is forgotten when its client was away for too long.

The bridge behind a broker that runs alone has a session before it ever came, which is never forgotten: what it is to
consume waits there.
"""

import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import inf

from broker.access import may_subscribe
from broker.auth import Refused
from broker.bounds import Bounds, Stock
from broker.counts import Counts
from broker.delivery import BRIDGE_CLIENT_ID
from broker.message import Message
from broker.packets import Connect, ConnectAnswer
from broker.retained import Retained
from broker.router import Router
from broker.session import Session
from broker.settings import BrokerSettings
from broker.shelf import Shelf, ShelvedSession
from broker.tokens import Claims, TokenType
from broker.topics import BRIDGE_FILTERS

_BRIDGE = Claims(
    type=TokenType.SERVICE,
    sub=BRIDGE_CLIENT_ID.rpartition("/")[0],
    aud=("mqtt",),
    iat=datetime(1970, 1, 1, tzinfo=UTC),
    exp=datetime(9999, 12, 31, tzinfo=UTC),
    jti="_",
    gen=0,
)
"""Whose session the bridge's is until it comes with a token."""


EXPIRED_AT_ONCE = 250
"""Sessions that are forgotten in a tick, some 5 ms: after a restart all of them are away since the same moment."""


class Sessions(Mapping[str, Session]):
    """Sessions by client id, and what they subscribed to, in memory and on the shelf."""

    def __init__(
        self, *, settings: BrokerSettings, counts: Counts, retained: Retained, router: Router[Session], shelf: Shelf
    ) -> None:
        self.bridge: Session | None = None
        self.of_services = 0  # subscriptions of services, the only ones that can match what the bridge consumes
        self._settings = settings
        self._counts = counts
        self._retained = retained
        self._router = router
        self._shelf = shelf
        self._bounds = Bounds(settings.in_flight, settings.queue_messages, settings.queue_bytes)
        self._kept = Stock(settings.kept_bytes)
        self._apart = Stock(inf)  # of the bridge, and of sessions that end with their connection
        self._bounds_of_bridge = Bounds(
            settings.bridge_in_flight, settings.bridge_queue_messages, settings.bridge_queue_bytes, refuse=False
        )
        self._all: dict[str, Session] = {}
        self._identities: dict[str, dict[str, Session]] = {}  # those of who may have several, by who that is
        self._away: dict[str, Session] = {}  # those without a connection, in the order in which they lost it

    def __getitem__(self, client_id: str) -> Session:
        return self._all[client_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def connected(self) -> int:
        return len(self._all) - len(self._away) - (self.bridge is not None and self.bridge.wire is None)

    # Coming

    def refuses(self, connect: Connect, claims: Claims) -> Refused | None:
        """Return why a client that may come in cannot, now or in this way; nothing is touched."""
        if connect.client_id == BRIDGE_CLIENT_ID and self.bridge is not None and connect.clean_session:
            # What its session holds was acknowledged, and must not be forgotten because a client is set up wrongly.
            return Refused(ConnectAnswer.CLIENT_ID, "clean-bridge")
        others = self._identities.get(claims.sub, {})
        is_one_more = connect.client_id not in others and len(others) >= self._settings.sessions_per_identity
        if is_one_more and all(session.client_id not in self._away for session in others.values()):
            return Refused(ConnectAnswer.UNAVAILABLE, "too-many-sessions")
        return None

    def open(self, connect: Connect, claims: Claims) -> tuple[Session, bool]:
        """Return the session for a client, which is not connected; and whether that is one which it left."""
        session = self._all.get(connect.client_id)
        if session is not None and connect.clean_session:
            self.forget(session)
            session = None
        if session is not None:
            self._away.pop(session.client_id, None)
            self._take_away(session, claims)
            return session, True
        self._make_room(claims)
        client_id = connect.client_id or f"{claims.sub}/-{secrets.token_hex(8)}"
        return self._add(client_id, claims, shelf=None if connect.clean_session else self._shelf), False

    def _add(self, client_id: str, claims: Claims, *, shelf: Shelf | None) -> Session:
        session = Session(
            client_id=client_id,
            claims=claims,
            settings=self._settings,
            bounds=self._bounds,
            counts=self._counts,
            retained=self._retained,
            shelf=shelf,
            stock=self._apart if shelf is None or client_id == BRIDGE_CLIENT_ID else self._kept,
        )
        self._all[client_id] = session
        if client_id != claims.sub:  # A device's is.
            self._identities.setdefault(claims.sub, {})[client_id] = session
        return session

    def _make_room(self, claims: Claims) -> None:
        others = self._identities.get(claims.sub, {})
        if len(others) >= self._settings.sessions_per_identity:
            # There may be none: more than may be were restored, all are there, and one of them begins anew.
            longest = next((session for session in self._away.values() if session.client_id in others), None)
            if longest is not None:
                self.forget(longest)

    def _take_away(self, session: Session, claims: Claims) -> None:
        """End the subscriptions of a session that its new token does not grant, and what waits because of them."""
        lost = [one for one in session.subscriptions if may_subscribe(claims, one) is not None]
        for topic_filter in lost:
            self.unsubscribe(session, topic_filter)
        if lost:
            session.discard(lambda topic: may_subscribe(claims, topic) is not None)

    # Going

    def leave(self, session: Session, now: datetime) -> None:
        """Keep a session whose connection has ended until its client comes back."""
        session.leave(now)
        self._shelf.left(session.client_id, now)
        if session is not self.bridge:
            self._away[session.client_id] = session

    def forget(self, session: Session) -> None:
        """End a session that is not connected, or not any more, and everything that waits in it."""
        del self._all[session.client_id]
        self._away.pop(session.client_id, None)
        others = self._identities.get(session.claims.sub)
        if others is not None:
            others.pop(session.client_id, None)
            if not others:
                del self._identities[session.claims.sub]
        for topic_filter in list(session.subscriptions):
            self._unroute(session, topic_filter)
        if session.outlives:
            self._shelf.forget_session(session.client_id)
        session.close()

    def expire(self, now: datetime) -> None:
        """Forget some of those whose clients are away for too long; what is left, when it is called again."""
        for _ in range(min(EXPIRED_AT_ONCE, len(self._away))):
            session = next(iter(self._away.values()))
            if session.left_at is None or session.left_at + self._settings.session_life > now:
                return
            self._counts.sessions_expired += 1
            self.forget(session)

    # Subscriptions

    def subscribe(self, session: Session, topic_filter: str, qos: int) -> None:
        """Subscribe a session to a filter that it was granted, or change the QoS."""
        self._route(session, topic_filter, qos)
        if session.outlives:
            self._shelf.subscribed(session.client_id, topic_filter, qos)

    def _route(self, session: Session, topic_filter: str, qos: int) -> None:
        if topic_filter not in session.subscriptions:
            self._counts.subscriptions += 1
            self.of_services += session.claims.type is TokenType.SERVICE
        session.subscriptions[topic_filter] = qos
        self._router.add(topic_filter, session, qos)

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        """End a subscription; one that there is not means nothing."""
        if topic_filter in session.subscriptions:
            self._unroute(session, topic_filter)
            if session.outlives:
                self._shelf.unsubscribed(session.client_id, topic_filter)

    def _unroute(self, session: Session, topic_filter: str) -> None:
        del session.subscriptions[topic_filter]
        self._counts.subscriptions -= 1
        self.of_services -= session.claims.type is TokenType.SERVICE
        self._router.remove(topic_filter, session)

    # What was there when the broker started

    def restore(self, kept: list[ShelvedSession], now: datetime) -> None:
        """Take in what an earlier broker kept. Who was connected when it ended left now."""
        made: dict[tuple[str, bytes, int], Message] = {}
        for shelved in sorted(kept, key=lambda one: one.left_at or now):
            session = self._add(shelved.client_id, shelved.claims, shelf=self._shelf)
            if shelved.client_id == BRIDGE_CLIENT_ID:
                session.bounds = self._bounds_of_bridge  # Its window tells which messages it may have had.
            session.restore(shelved.messages, made)
            session.received = shelved.received or None
            session.left_at = shelved.left_at or now
            if shelved.left_at is None:
                self._shelf.left(session.client_id, now)
            self._away[session.client_id] = session
            for topic_filter, qos in shelved.subscriptions.items():
                self._route(session, topic_filter, qos)

    def await_bridge(self, now: datetime) -> None:
        """Have the bridge's session."""
        bridge = self._all.get(BRIDGE_CLIENT_ID)
        if bridge is None:
            bridge = self._add(BRIDGE_CLIENT_ID, _BRIDGE, shelf=self._shelf)
            bridge.left_at = now
            self._shelf.keep_session(BRIDGE_CLIENT_ID, _BRIDGE, {}, now)
        bridge.bounds = self._bounds_of_bridge
        self._away.pop(BRIDGE_CLIENT_ID, None)
        self.bridge = bridge
        for topic_filter in BRIDGE_FILTERS:
            if topic_filter not in bridge.subscriptions:
                self.subscribe(bridge, topic_filter, 1)
