"""A push service on loopback by HTTPS, and a browser that reads what it is sent (RFC 8291)."""

import base64
import json
import ssl
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hypervisor.broker.ports import LOOPBACK


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def export_point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass(frozen=True, kw_only=True)
class BrowserKeys:
    """A browser's own keys, with which it decrypts."""

    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    secret: bytes = b"sixteen letters!"

    def describe(self, endpoint: str) -> dict[str, Any]:
        """As PushSubscription.toJSON() has it."""
        point = export_point(self.private.public_key())
        return {
            "endpoint": endpoint,
            "keys": {"p256dh": encode(point), "auth": encode(self.secret)},
        }

    def decrypt(self, body: bytes) -> bytes:
        """By the letter of RFC 8188 and RFC 8291, with no code of the sender's library."""
        salt, (size, length) = body[:16], struct.unpack("!LB", body[16:21])
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= size
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self.private.exchange(ec.ECDH(), theirs)
        mine = export_point(self.private.public_key())
        material = _derive(self.secret, shared, b"WebPush: info\0" + mine + sender, 32)
        key = _derive(salt, material, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _derive(salt, material, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert padded.endswith(b"\2")
        return padded[:-1]


def _derive(salt: bytes, material: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(material)


@dataclass(frozen=True, kw_only=True)
class Push:
    """What came for an endpoint."""

    path: str
    headers: dict[str, str]
    body: bytes

    def read(self, keys: BrowserKeys) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(keys.decrypt(self.body))
        return message


@dataclass(kw_only=True)
class PushServer:
    """Answers with `status`; `location`: a redirect's target."""

    chain: Path
    key: Path
    status: int = 201
    location: str = ""
    got: list[Push] = field(default_factory=list)
    port: int = 0

    def start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        mine = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mine.got.append(Push(path=self.path, headers=dict(self.headers), body=body))
                self.send_response(mine.status)
                if mine.location:
                    self.send_header("Location", mine.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST  # noqa: N815  as the library has it

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def base(self) -> str:
        return f"https://{LOOPBACK}:{self.port}"
