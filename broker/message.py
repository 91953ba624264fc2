"""A message on its way out, shared by everybody who gets it and encoded once for all of them."""

from broker.codec import publish_head


class Message:
    """A topic, a payload and the QoS it was published with. Nobody changes one.

    Its packets differ in DUP, QoS, RETAIN and packet id only, so the front of each kind is kept once it was needed.
    """

    __slots__ = ("_heads", "payload", "qos", "raw_topic", "size", "topic")

    def __init__(self, topic: str, payload: bytes, qos: int) -> None:
        self.topic = topic
        self.raw_topic = topic.encode()
        self.payload = payload
        self.qos = qos
        self.size = len(self.raw_topic) + len(payload)
        self._heads: dict[int, bytes] = {}

    def packet(self, flags: int, packet_id: int) -> bytes:
        """Return the PUBLISH for one receiver: DUP, QoS and RETAIN as they stand in its first byte (3.1.1 §3.3.1).

        `packet_id` counts above QoS 0 only.
        """
        head = self._heads.get(flags)
        if head is None:
            head = publish_head(self.raw_topic, len(self.payload), flags=flags)
            if flags < 2:
                head += self.payload
            self._heads[flags] = head
        if flags < 2:
            return head
        return head + packet_id.to_bytes(2) + self.payload
