"""What a web address, a mail address and a network look like, for settings and for the command line."""

import re
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


def is_mail_address(text: str) -> bool:
    """A plain `local@domain` in ASCII, the domain a host's name (one label will do: `localhost`).

    Narrower than RFC 5321: no quoted local part, no address literal, nothing that has a meaning in a header.
    """
    # https://html.spec.whatwg.org/#valid-e-mail-address, with the dots where RFC 5321's Dot-string has them.
    word = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
    label = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    local, _, domain = text.partition("@")
    return (
        len(local) <= 64
        and len(domain) <= 253
        and re.fullmatch(rf"{word}(?:\.{word})*", local) is not None
        and re.fullmatch(rf"{label}(?:\.{label})*", domain) is not None
    )


def networks(text: str) -> tuple[Network, ...] | None:
    """The networks in a text, an address being one of itself; None where a word is neither."""
    try:
        return tuple(ip_network(word) for word in text.replace(",", " ").split())
    except ValueError:
        return None
