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
from device_bridge.tablet import Tablet

_OF_DEVICES = BRIDGE_INBOUND - {Kind.DO, Kind.PMS_IN}


def matters_of(item: Input, fleet: Fleet) -> list[Matter] | None:
    """One for most; a backlog is many, a beginning one of each hotel.

    None: it is of a tablet that the fleet does not know; people may have added it a moment ago.
    """
    if isinstance(item, Arrived):
        topic = item.delivery.topic
        if topic.kind not in _OF_DEVICES:
            return _heard(item, None)
        tablet = fleet.find(topic.hotel_id, topic.subject)
        return None if tablet is None else _heard(item, tablet)
    if isinstance(item, OutageDue):
        return [Parted(item.hotel_id, item.at)]
    if isinstance(item, Began):
        return [Beginning(hotel_id, fleet.tablets(hotel_id), item) for hotel_id in fleet.hotels]
    tablet = fleet.find(item.hotel_id, item.device_id)
    if tablet is None:
        return None
    if isinstance(item, Deed):
        return [Done(item.hotel_id, tablet, item.deed, item.at, item.inbox_key)]
    if isinstance(item, DeadlineDue):
        return [Overdue(tablet, item.at, item.alive_at, item.as_of_now)]
    if isinstance(item, Paired):
        return [Pairing(tablet, item.partner, item.at)]
    if isinstance(item, Decided):
        return [Review(tablet, item.record, item.at)]
    return [Heard(tablet, token_ended(item.cause, item.at), item.at)]


def of_nobody(item: Input) -> list[Matter]:
    """What becomes of an input whose tablet nobody has added. Most of it needs no answer."""
    if isinstance(item, Deed):
        return [Done(item.hotel_id, None, item.deed, item.at, item.inbox_key)]
    # Our broker's word that a token ended: nobody has to be told that it is of no use.
    if isinstance(item, Arrived) and item.delivery.topic.kind is not Kind.ENDED:
        return _heard(item, None)
    return []


def _heard(item: Arrived, tablet: Tablet | None) -> list[Matter]:
    delivery, matters = item.delivery, list[Matter]()
    for outcome in decode(delivery.topic, delivery.payload, retain=delivery.retain, received_at=item.at):
        if isinstance(outcome, Rejected):
            matters.append(Turned(delivery.topic, delivery.payload, outcome, item.at, item.inbox_key))
        elif tablet is None:
            stranger = Rejected(Refused.UNKNOWN_DEVICE, "no such device in this hotel", outcome.message.id)
            matters.append(Turned(delivery.topic, outcome.body, stranger, item.at, item.inbox_key))
        else:
            matters.append(Heard(tablet, outcome, item.at, item.inbox_key))
    return matters
