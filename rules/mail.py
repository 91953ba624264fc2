"""What a mail address looks like: for settings, the command line and the API alike."""

import re

_ADDRESS = re.compile(r"[^\s<>\"'()@:;,]+@[^\s<>\"'(),;:]+")


def without_addresses(text: str) -> str:
    """The text with `…` for whatever may be a mail address: a server that refuses a recipient repeats whom."""
    return _ADDRESS.sub("…", text)


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
