"""Passwords: what is asked of one, how one is kept, how one is compared."""

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hypervisor.access.errors import AccountError

MIN_LENGTH, MAX_LENGTH = 12, 200
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none looks like another
_PLAIN = "abcdefghijkmnopqrstuvwxyz2345678"  # 32: five bits each
_HASHER = PasswordHasher()
PASSWORD_CHECKS = 2  # at once; each takes 64 MiB: failed sign-ins must not fill the memory
_HASH_SLOTS = threading.BoundedSemaphore(PASSWORD_CHECKS)
# Of no account's password: comparing with it takes as long as with a real one.
DUMMY_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$zjnzLZMjSA0f6E/pQhop9w"
    "$+m5xuJePKllXR0cLn1hIXFTXXGnPN6EUQaW0rDR8W4E"
)


def generate() -> str:
    """A new one, to be read out: 95 bits in groups of four."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(16))
    return "-".join(letters[at : at + 4] for at in range(0, 16, 4))


def generate_recovery_code() -> str:
    """80 bits in groups of four letters and digits, none of which looks like another."""
    text = "".join(secrets.choice(_PLAIN) for _ in range(16))
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def require_strong(password: str, *, name: str) -> str:
    """The password, where it is one that may be taken.

    Raises:
        AccountError: it is too short, too long, or easily guessed.
    """
    if len(password) < MIN_LENGTH:
        raise AccountError("a password needs at least {count} characters", MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        raise AccountError("a password may have at most {count} characters", MAX_LENGTH)
    if len(set(password)) < MIN_LENGTH // 2 or name.lower() in password.lower():
        raise AccountError(
            "this password is easily guessed: it repeats itself, or holds the account's name"
        )
    return password


def hash_password(password: str) -> str:
    with _HASH_SLOTS:
        return _HASHER.hash(password)


def verify(kept: str | None, password: str) -> bool:
    """Whether it is the one that was kept; in the same time where none is (None)."""
    with _HASH_SLOTS:
        try:
            _HASHER.verify(DUMMY_HASH if kept is None else kept, password[: MAX_LENGTH + 1])
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def needs_rehash(kept: str) -> bool:
    """Whether it was kept in a way that is no longer ours."""
    return _HASHER.check_needs_rehash(kept)
