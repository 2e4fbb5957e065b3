"""Passwords: what is asked of one, how one is kept, how one is compared."""

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hypervisor.access.errors import AccountError

SHORTEST, LONGEST = 12, 200
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none looks like another
_HASHER = PasswordHasher()
_AT_ONCE = threading.BoundedSemaphore(2)  # each takes 64 MiB: nobody fills the memory by knocking
_NOBODY = _HASHER.hash(secrets.token_urlsafe(24))


def made() -> str:
    """A new one, to be read out: 95 bits in groups of four."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(16))
    return "-".join(letters[at : at + 4] for at in range(0, 16, 4))


def checked(password: str, *, name: str) -> str:
    """The password, where it is one that may be taken.

    Raises:
        AccountError: it is too short, too long, or easily guessed.
    """
    if len(password) < SHORTEST:
        raise AccountError(f"a password has at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise AccountError(f"a password has at most {LONGEST} characters")
    if len(set(password)) < SHORTEST // 2 or name.lower() in password.lower():
        raise AccountError(
            "this password is easily guessed: it repeats itself, or holds the account's name"
        )
    return password


def hashed(password: str) -> str:
    with _AT_ONCE:
        return _HASHER.hash(password)


def fits(kept: str | None, password: str) -> bool:
    """Whether it is the one that was kept; in the same time where none is (None)."""
    with _AT_ONCE:
        try:
            _HASHER.verify(_NOBODY if kept is None else kept, password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def outdated(kept: str) -> bool:
    """Whether it was kept in a way that is no longer ours."""
    return _HASHER.check_needs_rehash(kept)
