"""The instance's key at push services (VAPID, RFC 8292): made once, kept encrypted."""

import base64
import time
from dataclasses import dataclass

from joserfc import jwt
from joserfc.jwk import ECKey

from hypervisor.citizens import queries_push
from hypervisor.citizens.address_key import AddressKey
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from sensors._errors import Message, TerritoryError

_VALID = 12 * 3600  # s; push services take at most 24 h
_SUBJECT = "push-key"


class PushKeyError(TerritoryError):
    """The key is there already, or cannot be read: says what to do."""


@dataclass(frozen=True, kw_only=True)
class PushKey:
    """Signs requests to push services. `public`: the point as browsers take it (base64url)."""

    public: str
    private: ECKey

    def write_authorization(self, origin: str, contact: str) -> str:
        """The header for a push service; `contact`: where it reaches us."""
        claims = {"aud": origin, "exp": int(time.time()) + _VALID, "sub": contact}
        token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, self.private)
        return f"vapid t={token}, k={self.public}"


def make(connection: Connection, key: AddressKey, *, author: str, replace: bool) -> str:
    """Make and keep the instance's key; its public part. Another one ends all subscriptions.

    Raises PushKeyError: there is one, and it was not to be replaced.
    """
    if queries_push.read_key(connection) is not None and not replace:
        raise PushKeyError("there is a key; --replace ends the subscriptions of all browsers")
    made = ECKey.generate_key("P-256", private=True)
    public = export_point(made)
    ended = queries_push.replace_key(
        connection, public=public, private=key.encrypt(made.as_pem(private=True).decode())
    )
    audit.record(
        connection,
        kind=_SUBJECT,
        subject="citizens",
        reason=Message("a new key; {count} subscriptions ended", ended),
        author=author,
    )
    return public


def load(connection: Connection, key: AddressKey) -> PushKey | None:
    """The instance's key; None: none was made. Raises cryptography's InvalidToken."""
    stored = queries_push.read_key(connection)
    if stored is None:
        return None
    pem = key.decrypt(stored.private)
    return PushKey(public=stored.public, private=ECKey.import_key(pem.encode()))


def export_point(key: ECKey) -> str:
    """The public key as an uncompressed point, base64url without padding."""
    numbers = key.as_dict(private=False)
    x, y = (_decode(str(numbers[name])) for name in ("x", "y"))
    return base64.urlsafe_b64encode(b"\x04" + x + y).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
