"""What a web address and a network look like, for settings and for the command line."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network


def is_web_address(text: str) -> bool:
    """Whether `text` is a whole http(s) URL with a host and a sane port."""
    try:
        parts = urlsplit(text)
        sound = text.isprintable() and " " not in text
        return sound and parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def networks(text: str) -> tuple[Network, ...] | None:
    """The networks in a text, an address being one of itself; None where a word is neither."""
    try:
        return tuple(ip_network(word) for word in text.replace(",", " ").split())
    except ValueError:
        return None
