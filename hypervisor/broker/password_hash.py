"""Hashes of passwords as mosquitto's password file has them."""

import base64
import binascii
import hashlib
import hmac
import secrets

_ITERATIONS = (
    101  # as mosquitto_passwd: our passwords are random and long, and storms of logins quick
)
_PBKDF2, _SHA512 = "7", "6"


def hash_password(password: str) -> str:
    """PBKDF2 with SHA-512 and a new salt."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    parts = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"${_PBKDF2}${_ITERATIONS}${'$'.join(parts)}"


def fits(password: str, hashed: str) -> bool:
    """Whether a password has this hash; a hash of an unknown kind has none."""
    try:
        match hashed.split("$"):
            case ["", kind, iterations, salt, digest] if kind == _PBKDF2:
                made = hashlib.pbkdf2_hmac(
                    "sha512", password.encode(), base64.b64decode(salt), int(iterations)
                )
            case ["", kind, salt, digest] if kind == _SHA512:
                made = hashlib.sha512(password.encode() + base64.b64decode(salt)).digest()
            case _:
                return False
        return hmac.compare_digest(made, base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False
