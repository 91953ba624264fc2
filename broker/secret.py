"""What makes a signing secret too weak to use. Whoever can guess it can be anybody, in every hotel."""

SHORTEST = 32
"""Bytes; HS256 wants a key at least as long as its hash (RFC 7518 §3.2)."""

FEWEST_DIFFERENT_BYTES = 8
"""Sixteen hexadecimal digits repeated to length, or `aaaa…`, are long and still nothing."""

# Found, after letters and digits are all that is left, in secrets that people copy from examples. Long enough that
# chance does not put them into a random one.
_GIVE_AWAYS = (
    "changeme", "changethis", "changein", "replaceme", "replacethis", "yoursecret", "your256bit", "yourkey", "example",
    "placeholder", "insecure", "supersecret", "topsecret", "mysecret", "secretkey", "notasecret", "donotuse",
    "defaultsecret", "development", "testsecret", "devsecret", "password", "astringsecret", "qwertyuiop",
    "1234567890", "0123456789", "abcdefghij",
)  # fmt: skip

_WELL_KNOWN = frozenset(
    {
        # The key of RFC 7515, appendix A.1, and the one of FastAPI's tutorial.
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMNN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    }
)


class WeakSecret(ValueError):
    """A signing secret that must not be used. The message says what is wrong with it and never shows it."""


def strong(secret: bytes | str | None) -> bytes:
    """Return the secret as bytes; raises WeakSecret when it is missing, short, well known or an example."""
    from jwt.utils import is_pem_format, is_ssh_key  # noqa: PLC0415 - reading settings loads this module, not jwt

    if not secret:
        raise WeakSecret("the secret is missing")
    raw = secret.encode() if isinstance(secret, str) else secret
    # Blanks around a text make it no longer; random bytes that look like blanks are as good as any.
    if len(secret.strip().encode() if isinstance(secret, str) else secret) < SHORTEST:
        raise WeakSecret(f"the secret is shorter than {SHORTEST} bytes")
    if is_pem_format(raw) or is_ssh_key(raw):
        raise WeakSecret("the secret is a file of a key pair, and half of that may be public")
    if is_an_example(raw.decode("latin-1").strip()):
        raise WeakSecret("the secret is an example or a well-known one")
    if len(set(raw)) < FEWEST_DIFFERENT_BYTES:
        raise WeakSecret("the secret repeats too few characters")
    return raw


def is_an_example(text: str) -> bool:
    """Whether it is a secret that everybody knows, or that somebody left as an example had it."""
    letters = "".join(character for character in text.casefold() if character.isascii() and character.isalnum())
    return text in _WELL_KNOWN or any(mark in letters for mark in _GIVE_AWAYS)
