"""What a broker that ran alone had acknowledged for the bridge, given to the bridge of this process."""

from collections import deque

from broker.delivery import BRIDGE_CLIENT_ID, Intake
from broker.incoming import Incoming
from broker.shelf import Shelf, Shelved
from broker.topics import parse


class Leftover:
    """Messages in the order in which they came. Each leaves the shelf when it is stored, and the session with the last.

    They are handed over as there is room: nobody else's messages are to go before them.
    """

    def __init__(self, messages: list[Shelved], *, intake: Intake, shelf: Shelf) -> None:
        self._messages = deque(messages)
        self._unsettled = len(messages)
        self._intake = intake
        self._shelf = shelf

    def __bool__(self) -> bool:
        """Whether there is something to hand over yet."""
        return bool(self._messages)

    def hand_over(self) -> bool:
        """Give what there is room for; False when there is no more."""
        while self._messages:
            one = self._messages.popleft()
            topic = parse(one.topic)
            if topic is None:  # An older version knew it.
                self._done(one.packet_id)
            elif not self._intake.offer(Incoming(topic, one.payload, one.retain, one.qos, one.packet_id, self)):
                return False
        return True

    def settle(self, incoming: Incoming) -> None:
        self._done(incoming.packet_id)

    def _done(self, packet_id: int) -> None:
        self._shelf.delivered(BRIDGE_CLIENT_ID, packet_id)
        self._unsettled -= 1
        if not self._unsettled:
            self._shelf.forget_session(BRIDGE_CLIENT_ID)
