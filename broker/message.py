"""A message on its way out, shared by everybody who gets it and encoded once for all of them."""

from broker.codec import publish_head


class Message:
    """A topic, a payload and the QoS it was published with. Nobody changes one.

    Its packets differ in QoS, RETAIN and packet id only, so the front of each kind is kept when it is first needed.
    """

    __slots__ = ("_heads", "payload", "qos", "raw_topic", "size", "topic")

    def __init__(self, topic: str, payload: bytes, qos: int) -> None:
        self.topic = topic
        self.raw_topic = topic.encode()
        self.payload = payload
        self.qos = qos
        self.size = len(self.raw_topic) + len(payload)
        self._heads: dict[int, bytes] = {}

    def packet(self, *, qos: int, retain: bool, packet_id: int) -> bytes:
        """Return the PUBLISH for one receiver; `packet_id` counts at QoS 1 only."""
        kind = qos << 1 | retain
        head = self._heads.get(kind)
        if head is None:
            head = publish_head(self.raw_topic, len(self.payload), qos=qos, retain=retain)
            if not qos:
                head += self.payload
            self._heads[kind] = head
        if not qos:
            return head
        return head + packet_id.to_bytes(2) + self.payload
