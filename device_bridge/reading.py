"""From an input of the queue to what it is about: matters, in order, of the tablets that it names."""

from broker.topics import BRIDGE_INBOUND, Kind
from device_bridge.decode import Refused, Rejected, decode
from device_bridge.fleet import Fleet
from device_bridge.matters import (
    Beginning,
    Done,
    Heard,
    Matter,
    Overdue,
    Pairing,
    Parted,
    Review,
    Turned,
    token_ended,
)
from device_bridge.queue import Arrived, Began, DeadlineDue, Decided, Deed, Input, OutageDue, Paired

_OF_DEVICES = BRIDGE_INBOUND - {Kind.DO, Kind.PMS_IN}


def is_stranger(item: Input, fleet: Fleet) -> bool:
    """Whether it is of a tablet that the fleet does not know: people may have added one a moment ago."""
    if isinstance(item, Arrived):
        topic = item.delivery.topic
        return topic.kind in _OF_DEVICES and fleet.find(topic.hotel_id, topic.subject) is None
    return not isinstance(item, Began | OutageDue) and fleet.find(item.hotel_id, item.device_id) is None


def matters_of(item: Input, fleet: Fleet) -> list[Matter]:
    """One for most; a backlog is many, a beginning one of each hotel. None: what is of nobody needs no answer."""
    if isinstance(item, Arrived):
        return _arrived(item, fleet)
    if isinstance(item, OutageDue):
        return [Parted(item.hotel_id, item.at)]
    if isinstance(item, Began):
        return [Beginning(hotel_id, fleet.tablets(hotel_id), item) for hotel_id in fleet.hotels]
    tablet = fleet.find(item.hotel_id, item.device_id)
    if isinstance(item, Deed):
        return [Done(item.hotel_id, tablet, item.deed, item.at, item.inbox_key)]
    if tablet is None:
        return []
    if isinstance(item, DeadlineDue):
        return [Overdue(tablet, item.at, item.alive_at, item.as_of_now)]
    if isinstance(item, Paired):
        return [Pairing(tablet, item.partner, item.at)]
    if isinstance(item, Decided):
        return [Review(tablet, item.record, item.at)]
    return [Heard(tablet, token_ended(item.cause, item.at), item.at)]


def _arrived(item: Arrived, fleet: Fleet) -> list[Matter]:
    delivery = item.delivery
    topic = delivery.topic
    tablet = fleet.find(topic.hotel_id, topic.subject) if topic.kind in _OF_DEVICES else None
    if tablet is None and topic.kind is Kind.ENDED:
        return []  # Our broker's word, which nobody has to be told is of no use.
    matters: list[Matter] = []
    for outcome in decode(topic, delivery.payload, retain=delivery.retain, received_at=item.at):
        if isinstance(outcome, Rejected):
            matters.append(Turned(topic, delivery.payload, outcome, item.at, item.inbox_key))
        elif tablet is None:
            stranger = Rejected(Refused.UNKNOWN_DEVICE, "no such device in this hotel", outcome.message.id)
            matters.append(Turned(topic, outcome.body, stranger, item.at, item.inbox_key))
        else:
            matters.append(Heard(tablet, outcome, item.at, item.inbox_key))
    return matters
