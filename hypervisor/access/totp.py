"""Codes of an authenticator: time-based one-time passwords (RFC 6238: SHA-1, 30 s, six digits)."""

import base64
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

PERIOD, DIGITS = 30, 6
_DRIFT = 1  # steps by which the clock of a telephone may differ
_KEY_BYTES = 20  # as SHA-1 wants them


def generate_key() -> bytes:
    return secrets.token_bytes(_KEY_BYTES)


def compute_code(key: bytes, step: int) -> str:
    """The code of a step, which is the number of periods since 1970."""
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 0xF
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def find_step(key: bytes, code: str, now: datetime) -> int | None:
    """The step that a code belongs to, one before or after now at most; None: it is wrong.

    All steps are compared, each in a time that tells nothing.
    """
    current = int(now.timestamp()) // PERIOD
    shown = code.encode()
    fits = [
        step
        for step in range(current - _DRIFT, current + _DRIFT + 1)
        if hmac.compare_digest(compute_code(key, step).encode(), shown)
    ]
    return max(fits, default=None)


def format_key(key: bytes) -> str:
    """The key as somebody types it: base32 in groups of four."""
    text = base64.b32encode(key).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def build_uri(key: bytes, *, account: str, issuer: str) -> str:
    """The otpauth link that an authenticator reads."""
    label = f"{quote(issuer.replace(':', ' '))}:{quote(account.replace(':', ' '))}"
    parameters = {
        "secret": base64.b32encode(key).decode(),
        "issuer": issuer.replace(":", " "),
        "period": PERIOD,
        "digits": DIGITS,
    }
    return f"otpauth://totp/{label}?{urlencode(parameters, quote_via=quote)}"
