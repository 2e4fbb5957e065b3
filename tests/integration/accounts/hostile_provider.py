"""A provider that answers rightly but for one call, or one claim: seeded, of some forty kinds."""

import gzip
import json
import random
import socketserver
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from joserfc import jws
from joserfc.jwk import RSAKey

KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
CALLS = ("discovery", "jwks", "token", "userinfo")
CLIENT = "console"
_PATHS = {
    "/.well-known/openid-configuration": "discovery",
    "/jwks": "jwks",
    "/token": "token",
    "/userinfo": "userinfo",
}
_HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
EVENTS: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
SURROGATE = r'"\ud8%02x"'


def whole(content: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    head = _HEAD.replace(b"200 OK", status) + b"".join(each + b"\r\n" for each in headers)
    return head + b"Content-Length: %d\r\n\r\n" % len(content) + content


def pack(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = gzip.compress(content)
    return content


@cache
def bomb(sign: bytes, megabytes: int) -> bytes:
    """Gzip of so much of a sign, made without as much memory."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(sign * 2**20) for _ in range(megabytes)]
    return b"".join(parts) + packer.flush()


def repeat(text: bytes, count: int) -> bytes:
    return text * count


# What comes instead of the answer of a call, from its right JSON and chance.
Make = Callable[[bytes, random.Random], bytes]
GZIP = b"Content-Encoding: gzip"
ANSWERS: dict[str, Make] = {
    "a gzip bomb": lambda _, r: whole(bomb(b"[", 250 + r.randrange(9)), GZIP),
    "a bomb of blanks": lambda right, r: whole(
        bomb(b" ", 200 + r.randrange(9)) + pack(right), GZIP
    ),
    "a bomb in a bomb": lambda _, r: whole(
        pack(bomb(b" ", 150 + r.randrange(9))), b"Content-Encoding: gzip, gzip"
    ),
    "gzip cut off": lambda right, r: whole(pack(right)[: -8 - r.randrange(3)], GZIP),
    "gzip that is none": lambda right, _: whole(right, GZIP),
    "ten thousand empty gzips": lambda right, _: whole(
        repeat(pack(b""), 20_000) + pack(right), GZIP
    ),
    "another packing": lambda right, r: whole(
        right, b"Content-Encoding: " + r.choice([b"br", b"zstd", b"deflate", b"klingon"])
    ),
    "too long": lambda right, r: whole(b" " * (2**20 + r.randrange(9)) + right),
    "without a length, endless": lambda _, r: _HEAD + b"\r\n" + b"[" * (3_000_000 + r.randrange(9)),
    "nested lists": lambda _, r: whole(b'{"keys":' + b"[" * (100_000 + r.randrange(100_000))),
    "nested objects": lambda _, r: whole(b'{"a":' * (50_000 + r.randrange(30_000))),
    "closed nested lists": lambda _, r: whole(
        b'{"keys":' + b"[" * 300 + b"%d" % r.randrange(9) + b"]" * 300 + b"}"
    ),
    "half a surrogate pair": lambda _, r: whole(
        b'{"issuer":' + (SURROGATE % r.randrange(256)).encode() + b"}"
    ),
    "UTF-16": lambda right, _: whole(right.decode().encode("utf-16")),
    "Latin-1": lambda right, _: whole(b'{"\xe9": 1, ' + right[1:]),
    "NUL": lambda right, _: whole(right[:-1] + b"\0}"),
    "NaN": lambda right, _: whole(b'{"x": NaN, ' + right[1:]),
    "a web page": lambda _, r: whole(b"<html>%d</html>" % r.randrange(99)),
    "another JSON": lambda _, r: whole(r.choice([b"[]", b"5", b'"x"', b"null", b"{}", b"true"])),
    "nothing": lambda _, r: r.choice([b"", b"HTTP/1.1 ", b"220 mail ESMTP\r\n", whole(b"")]),
    "cut before its length": lambda right, r: whole(right)[: -1 - r.randrange(9)],
    "an endless head": lambda _, r: b"HTTP/1.1 200 OK\r\nX: " + b"x" * (300_000 + r.randrange(9)),
    "a redirect": lambda _, r: whole(
        b"", b"Location: " + r.choice([b"/", b"http://[bad", b"file:///etc"]), status=b"302 Found"
    ),
    "an error with controls": lambda _, r: whole(
        b'{"error": "\\u0000\\u001b[%dm\\u202e<script>"}' % r.randrange(9),
        status=r.choice([b"400 Bad", b"401 No", b"500 Oh"]),
    ),
    "an error that is no text": lambda _, r: whole(
        json.dumps({"error": r.choice([5, [], {"a": [None]}, ["\0"]])}).encode(),
        status=r.choice([b"400 Bad", b"403 No", b"503 Oh"]),
    ),
}
DRIPS: dict[str, bytes] = {
    "a dripping head": b"HTTP/1.1 200 OK\r\nX: ",
    "a dripping body": _HEAD + b"Content-Length: 9000\r\n\r\n",
    "dripping gzip": _HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10],
    "silence": b"",
}


def vary(name: str, *values: Any) -> list[dict[str, Any]]:
    return [{name: value} for value in values]


# Right JSON whose values are hostile, by the call that gives it.
ADDRESSES: tuple[Any, ...] = (
    *("http://[bad", "javascript:alert(1)", "https://", "https://a:b:c/", "//x", "https://x/\0"),
    *("https://x/\r\nSet-Cookie: a=b", "http://elsewhere.example/", "https://\xe9.example/", 5, []),
    *("https://x/" + "a" * 9_000, "file:///etc/passwd", "https://x:99999/", "ftp://localhost/"),
)
ENDPOINTS = ("authorization", "token", "userinfo", "end_session")
WORDS: tuple[Any, ...] = (None, 5, [], {}, "", "\xe9", "a b", "a\r\nX: y", "\0", "a" * 100_000)
EC, RSA = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"kty": "RSA", "e": "AQAB"}
VALUES: dict[str, list[dict[str, Any]]] = {
    "discovery": [
        *(change for name in ENDPOINTS for change in vary(f"{name}_endpoint", *ADDRESSES)),
        *vary("jwks_uri", *ADDRESSES),
        *vary("issuer", "https://elsewhere\x00\u202e", None),
        *({"token_endpoint": ""}, {"authorization_endpoint": ""}),
    ],
    "jwks": [
        *vary("keys", [], None, {}, 5, "x", [5], [None], [[]], [{}], [{"kty": []}]),
        *vary("keys", [EC], [{**EC, "crv": ["P-256"]}], [{"kty": "OKP", "crv": "X", "x": "A"}]),
        *vary("keys", [RSA], [{**RSA, "n": 5}], [{**RSA, "n": "AQ"}], [{**RSA, "n": "\xe9\0"}]),
        *vary("keys", [{**RSA, "n": "A" * 400_000}], [{**RSA, "n": "AQAB"}] * 5_000),
        *vary("keys", [{"kty": "oct", "k": "AAAA"}]),
    ],
    "token": [
        *vary("access_token", *WORDS),
        *vary("id_token", *WORDS, "a.b.c", "....", "a.b.c.d.e", "." * 9_000),
    ],
    "userinfo": vary("sub", "another", ["u"], None, "u\0"),
}
# Claims of a token that is signed rightly. Each must be refused: the rules read them all.
FULL_WIDTH = "".join(chr(ord(sign) + 0xFEE0) for sign in "operators")
CLAIMS = [
    *vary("sub", "\0", "u\x1b", "\uff55", "\xe9", "u" * 256, "", None, 5, ["u"], {}, "u v"),
    *vary("sid", "\0", "\xe9", "s" * 300, 5, ["s"], {"a": 1}),
    *vary("acr", "\0", "\xe9", ["x"], 5, "a" * 300),
    *vary("email", "a\0@b.example", "a\x85@b.example", "\u202eb@c.example", ["a\0"], " ", "@b"),
    *vary("email", "a" * 2_000 + "@b.example", "-", {}, "a\n@b.example", "a\u2028@b.example"),
    *vary("email", ["x"] * 5_000),
    *vary("groups", "operators\0", ["x", "\x1b"], "o" * 5_000, ["o"] * 5_000, [["operators"]]),
    *vary("groups", {"operators": 1}, "operators ", FULL_WIDTH, None),
    *vary("given_name", "\0", "a\x9b", "\u2066x", "n" * 5_000),
    *vary("email_verified", None, 0, 1, "", "false", "TRUE", "yes", [], {}, [1]),
    *vary("iat", None, "x", [], {}, 1e300),
    *vary("exp", None, "x", [], {}, -1e300),
    *vary("aud", None, 5, [], {}, [5], [["console"]], [None]),
    *vary("iss", None, 5, [], "\0"),
    *vary("nonce", None, 5, [], "\0"),
]
DEEP = "[" * 20_000 + "]" * 20_000
# The same as JSON text, which no library writes.
RAW_CLAIMS = (
    r'{"sub": "\ud800", ',
    r'{"email": "\udfff@b.example", ',
    '{"x": ' + DEEP + ", ",
    '{"exp": NaN, ',
    '{"iat": Infinity, ',
    '{"x": ' + "9" * 5_000 + ", ",
    '{"x": 1e999, ',
    '{"x": "\x00", ',
)


@dataclass
class HostileProvider:
    """`answer`: of the call `call`; `claims`: of its tokens; `raw`: how their JSON begins."""

    issuer: str = ""
    call: str = ""
    answer: bytes = b""
    drips: bool = False
    changes: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    raw: str = ""
    nonce: str = ""
    now: int = 0

    def behave(self, **words: Any) -> None:
        """As described; else rightly."""
        usual = HostileProvider(issuer=self.issuer, now=self.now)
        vars(self).update({**vars(usual), **words})

    def build(self, call: str) -> bytes:
        """The JSON of a call."""
        person: dict[str, Any] = {"email": "eve@essonne.example", "groups": ["operators"]}
        person |= {"given_name": "Eve", "usual_name": "Martin"}
        answers: dict[str, dict[str, Any]] = {
            "discovery": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
            },
            "jwks": {"keys": [KEY.as_dict(private=False)]},
            "token": {"id_token": self.sign_id_token(), "access_token": "x", "token_type": "B"},
            "userinfo": {"sub": "u", **person, **self.claims},
        }
        changes = self.changes if call == self.call else {}
        return json.dumps({**answers[call], **changes}).encode()

    def sign_id_token(self) -> str:
        claims = self.make_claims(nonce=self.nonce)
        return self.sign(json.dumps(claims))

    def make_claims(self, **more: Any) -> dict[str, Any]:
        base = {"iss": self.issuer, "aud": CLIENT, "sub": "u", "sid": "s", "iat": self.now,
                "exp": self.now + 600}  # fmt: skip
        return {k: v for k, v in (base | more | self.claims).items() if v is not None}

    def sign(self, text: str) -> str:
        payload = self.raw + text[1:] if self.raw else text
        return jws.serialize_compact({"alg": "RS256", "kid": KEY.kid}, payload, KEY)

    def respond(self, path: str, say: Callable[[bytes], None]) -> None:
        call = _PATHS.get(urlsplit(path).path, "")
        hostile = call == self.call and bool(self.answer or self.drips)
        say(self.answer if hostile else whole(self.build(call)))
        if hostile and self.drips:
            for _ in range(80):
                time.sleep(0.1)
                say(b"a")


@contextmanager
def serving() -> Iterator[HostileProvider]:
    """One on loopback."""
    provider = HostileProvider()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            heard = self.request.recv(65_536)
            with suppress(OSError):
                provider.respond(heard.split(b" ")[1].decode(), self.request.sendall)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
