"""Passwords of people, where they are made: by the command line and at the first start. `api` verifies them."""

import secrets

# Without what looks alike: somebody will type it from a sheet of paper.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def new_password() -> str:
    """Return four groups of five letters and digits, about 99 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))


def hash_password(password: str) -> str:
    """Return the argon2id hash to store (RFC 9106, second recommended parameters). Takes some 50 ms of processor."""
    from argon2 import PasswordHasher  # noqa: PLC0415, only who sets a password waits for it

    return PasswordHasher().hash(password)


def is_password(password: str, password_hash: str) -> bool:
    """Whether the password has this hash. Takes as long as making one."""
    from argon2 import PasswordHasher  # noqa: PLC0415, as above
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415

    try:
        return PasswordHasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
