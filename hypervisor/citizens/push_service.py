"""One request to a push service (RFC 8030): encrypted (RFC 8291), signed (RFC 8292)."""

import base64
import binascii
import http.client
import json
import os
import ssl
from dataclasses import dataclass, field
from urllib.parse import SplitResult

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec

from hypervisor.citizens.errors import GoneError, NoAnswerError
from hypervisor.citizens.push_hosts import EndpointError, PushHosts, UnreachableError
from hypervisor.citizens.push_key import PushKey
from hypervisor.citizens.timed_sockets import Deadline, connect, make_trust, secure
from hypervisor.notifications.model import ChannelError

LARGEST = 3_900  # bytes of a message: services take 4,096 once it is encrypted
_POINT, _SECRET = 65, 16  # bytes of a browser's public key, of its secret
_SHOWN = 200  # bytes of an answer kept in the error
_GONE = (404, 410)
_LONGEST_LIFE = 28 * 24 * 3600  # s


@dataclass(frozen=True, kw_only=True)
class Browser:
    """Where a browser is reached, and its keys (base64url)."""

    endpoint: str
    p256dh: str
    auth: str

    def write(self) -> str:
        return json.dumps([self.endpoint, self.p256dh, self.auth])

    @classmethod
    def read(cls, text: str) -> "Browser":
        endpoint, p256dh, auth = json.loads(text)
        return cls(endpoint=endpoint, p256dh=p256dh, auth=auth)

    def require_keys(self) -> tuple[ec.EllipticCurvePublicKey, bytes]:
        """Public key and secret. Raises EndpointError: they are none."""
        try:
            point, secret = (_decode(text) for text in (self.p256dh, self.auth))
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except (ValueError, binascii.Error) as error:
            raise EndpointError("these are no keys of a browser") from error
        if len(point) != _POINT or len(secret) != _SECRET:
            raise EndpointError("these are no keys of a browser")
        return key, secret


@dataclass(frozen=True, kw_only=True)
class PushRequest:
    """What is sent. `topic`: a later one replaces it while the browser is away. `life`: s."""

    message: bytes
    topic: str
    life: int


@dataclass(frozen=True, kw_only=True)
class PushService:
    """Sends to the services that are allowed. `contact`: where they reach us. `timeout`: s."""

    key: PushKey
    hosts: PushHosts
    contact: str
    timeout: float
    trust: ssl.SSLContext = field(default_factory=make_trust)

    def send(self, browser: Browser, request: PushRequest) -> None:
        """Hand a message over.

        Raises GoneError; ChannelError: it was not taken; NoAnswerError: the service is not there.
        """
        try:
            parts = self.hosts.require(browser.endpoint)
            point, secret = browser.require_keys()
            address = self.hosts.resolve(parts)
        except UnreachableError as error:
            raise NoAnswerError(str(error)) from error
        except EndpointError as error:
            raise ChannelError(str(error)) from error
        body = encrypt(request.message, point, secret)
        origin = f"https://{parts.netloc}"
        headers = {
            "Authorization": self.key.write_authorization(origin, self.contact),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(max(0, min(request.life, _LONGEST_LIFE))),
            "Topic": request.topic,
            "Urgency": "high",
        }
        status, excerpt = self._post(parts, address, body, headers)
        if status in _GONE:
            raise GoneError
        if not 200 <= status < 300:  # redirects are not followed
            raise ChannelError(
                "the push service {host} answered {status}: {text}",
                parts.hostname,
                status,
                excerpt,
            )

    def _post(
        self, parts: SplitResult, address: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, str]:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = _Connection(parts, address, self.trust, Deadline(self.timeout))
        try:
            connection.request("POST", path, body, headers)
            with connection.getresponse() as answer:  # the rest is left unread
                return answer.status, answer.read(_SHOWN).decode("utf-8", "replace").strip()
        except OSError as error:
            raise NoAnswerError("{name}: {error}", type(error).__name__, error) from error
        except http.client.HTTPException as error:
            raise ChannelError("{name}: {error}", type(error).__name__, error) from error
        finally:
            connection.close()


class _Connection(http.client.HTTPSConnection):
    """By TLS to the address that was checked, in the host's name."""

    def __init__(
        self, parts: SplitResult, address: str, trust: ssl.SSLContext, deadline: Deadline
    ) -> None:
        super().__init__(str(parts.hostname), parts.port, context=trust)
        self._address, self._trust, self._deadline = address, trust, deadline

    def connect(self) -> None:
        plain = connect((self._address, self.port), self._deadline)
        self.sock = secure(plain, self._trust, self.host, self._deadline)


def encrypt(message: bytes, point: ec.EllipticCurvePublicKey, secret: bytes) -> bytes:
    """A message for one browser, as `aes128gcm`."""
    encrypted: bytes = http_ece.encrypt(
        message,
        salt=os.urandom(16),
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=point,
        auth_secret=secret,
        version="aes128gcm",
    )
    return encrypted


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
