"""Keeps subscribers' addresses unreadable in the database, and makes the links in their mails."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from cryptography.fernet import Fernet

Purpose = Literal["confirm", "leave"]
_NUMBER, _SEAL = 8, 18  # bytes


@dataclass(frozen=True, kw_only=True)
class AddressKey:
    """The instance's secret for subscriptions. Another one reads no address of this one."""

    secret: str

    def digest(self, address: str) -> bytes:
        """By which an address is found again; capitals do not count."""
        return self._sign("address", address.casefold().encode())

    def encrypt(self, address: str) -> bytes:
        return self._fernet().encrypt(address.encode())

    def decrypt(self, encrypted: bytes) -> str:
        """The address. Raises cryptography's InvalidToken: it was encrypted by another key."""
        return self._fernet().decrypt(encrypted).decode()

    def write_token(self, purpose: Purpose, subscription: int) -> str:
        """What a link of this purpose holds."""
        number = subscription.to_bytes(_NUMBER, "big")
        seal = self._sign(purpose, number)[:_SEAL]
        return base64.urlsafe_b64encode(number + seal).decode().rstrip("=")

    def read_token(self, purpose: Purpose, token: str) -> int | None:
        """The subscription's number; None: no link of ours."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        number, seal = raw[:_NUMBER], raw[_NUMBER:]
        if not hmac.compare_digest(seal, self._sign(purpose, number)[:_SEAL]):
            return None
        subscription = int.from_bytes(number, "big")
        return subscription if subscription < 2**63 else None

    def _sign(self, purpose: str, data: bytes) -> bytes:
        key = hashlib.sha256(f"{purpose} {self.secret}".encode()).digest()
        return hmac.new(key, data, hashlib.sha256).digest()

    def _fernet(self) -> Fernet:
        key = hashlib.sha256(f"encrypt {self.secret}".encode()).digest()
        return Fernet(base64.urlsafe_b64encode(key))
