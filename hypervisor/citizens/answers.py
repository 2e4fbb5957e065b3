"""Answers as bytes: packed once, with what a cache needs, sent without the application."""

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.types import Send

from hypervisor.web.conditional_get import fresh

FRESH = 30  # s for which others may keep an answer
HTML = "text/html; charset=utf-8"
_POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {}"
)
_SCRIPTS = "; script-src 'self'; worker-src 'self'; connect-src 'self'"
Header = tuple[bytes, bytes]


def make_policy(*, framed: bool, scripted: bool = False) -> str:
    """A content security policy. `framed`: any site may show it in a frame.

    `scripted`: our own scripts may run, else nothing.
    """
    return _POLICY.format("*" if framed else "'none'") + (_SCRIPTS if scripted else "")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer in all its forms."""

    status: int
    tag: str
    modified: datetime
    body: bytes
    packed: bytes
    plain_headers: Sequence[Header]
    packed_headers: Sequence[Header]
    unchanged_headers: Sequence[Header]

    def is_known(self, tags: str | None, since: str | None) -> bool:
        """Whether the caller has it: by its tags, else by its time, as HTTP has it."""
        if tags is not None:
            return fresh(tags, self.tag)
        try:
            at = parsedate_to_datetime(since or "")
        except ValueError:
            return False
        return at.tzinfo is not None and self.modified <= at

    async def send(self, headers: Sequence[Header], send: Send, *, head: bool) -> int:
        """Send it to who sent these headers; the status."""
        given = dict(headers)
        tags, since = given.get(b"if-none-match"), given.get(b"if-modified-since")
        if self.status == 200 and (tags or since) and self.is_known(_text(tags), _text(since)):
            await _send(send, 304, self.unchanged_headers, b"")
            return 304
        if b"gzip" in given.get(b"accept-encoding", b""):
            await _send(send, self.status, self.packed_headers, b"" if head else self.packed)
        else:
            await _send(send, self.status, self.plain_headers, b"" if head else self.body)
        return self.status


def make_answer(  # noqa: PLR0913  what an answer is made of
    text: str,
    *,
    modified: datetime,
    mode: str,
    language: str = "",
    media: str = HTML,
    status: int = 200,
    fresh_for: int = FRESH,
    framed: bool = False,
    shared: bool = False,
    scripted: bool = False,
    secure: bool = False,
) -> Answer:
    """An answer with its headers. `framed`, `shared`: for frames, for programs of other sites.

    `scripted`: a page with our scripts, or a script.
    """
    body = text.encode()
    packed = gzip.compress(body, 9, mtime=0)
    modified = modified.replace(microsecond=0)
    tag = f'W/"{hashlib.blake2b(body + media.encode(), digest_size=12).hexdigest()}"'
    common = {
        "etag": tag,
        "last-modified": format_datetime(modified, usegmt=True),
        "cache-control": f"public, max-age={fresh_for}",
        "vary": "Accept-Encoding, Accept-Language",
        "content-security-policy": make_policy(framed=framed, scripted=scripted),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cross-origin-resource-policy": "cross-origin" if framed or shared else "same-origin",
        "x-hypervisor-mode": mode,
    }
    if language:
        common["content-language"] = language
    if shared:
        common["access-control-allow-origin"] = "*"
    if not framed:
        common["cross-origin-opener-policy"] = "same-origin"
    if secure:
        common["strict-transport-security"] = "max-age=31536000"
    with_body = {**common, "content-type": media}
    return Answer(
        status=status,
        tag=tag,
        modified=modified,
        body=body,
        packed=packed,
        plain_headers=encode({**with_body, "content-length": str(len(body))}),
        packed_headers=encode(
            {**with_body, "content-encoding": "gzip", "content-length": str(len(packed))}
        ),
        unchanged_headers=encode(common),
    )


def encode(headers: dict[str, str]) -> list[Header]:
    """Headers as ASGI has them."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


async def _send(send: Send, status: int, headers: Sequence[Header], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
