"""The limits of the broker: every bound that a peer can run into, with a default for one hotel to a hundred."""

from datetime import timedelta

from msgspec import Struct

KIB = 1024
MIB = 1024 * KIB


class BrokerSettings(Struct, frozen=True, kw_only=True):
    """Addresses and limits. Sizes are bytes; port 0 lets the system choose one."""

    host: str = "127.0.0.1"
    mqtt_port: int = 1883
    ws_port: int = 8083
    ws_path: str = "/mqtt"

    connections: int = 50_000  # all listeners together; a further one is closed at once
    connect_deadline: timedelta = timedelta(seconds=5)  # from accept to CONNECT, websocket handshake included
    linger: timedelta = timedelta(seconds=5)  # how long a closed connection may take its last bytes
    sweep: timedelta = timedelta(seconds=0.5)  # how often deadlines, keep-alive and token expiry are looked at

    largest_packet: int = 256 * KIB
    largest_connect: int = 16 * KIB  # before anybody is known, memory is cheap only in small pieces
    longest_topic: int = 1 * KIB
    deepest_topic: int = 32  # levels

    subscriptions: int = 200  # a client
    unsettled: int = 256  # messages of a client that the bridge has not stored yet, of either QoS
    unsettled_bytes: int = 1 * MIB
    in_flight: int = 64  # QoS 1 messages to a client without its acknowledgment
    queue_messages: int = 10_000  # to a client, in flight or waiting
    queue_bytes: int = 8 * MIB
    write_buffer: int = 64 * KIB  # handed to the socket; above it the client counts as slow
    retained_messages: int = 1_000  # an integrator; what the bridge retains is not counted
    retained_bytes: int = 8 * MIB
