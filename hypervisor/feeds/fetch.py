"""One request to a service: conditional, bounded in time and size, its answer checked as JSON."""

import asyncio
import contextlib
import email.utils
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from hypervisor.base.http_body import ACCEPTED, read_pieces
from hypervisor.feeds.model import Answer, FeedError, Validators
from ingest.message import Reason
from sensors._errors import Message
from sensors._foreign import (
    ForeignError,
    TooLargeError,
    make_excerpt,
    read_text,
    remove_controls,
)
from sensors._foreign import read_json as read_json_strictly

SECONDS = 60.0  # for a whole answer, however slowly it drips
_READ_SECONDS = 20.0  # between two pieces of it
_REDIRECTS = 3
_LONGEST_WAIT = 3600.0  # s that a service may ask us to wait
_STOP_SECONDS = 0.2
_LONGEST_ERROR = 2_000  # bytes that are read of an error's body
_LONGEST_NAME = 1_000  # characters of an ETag
_USABLE = (200, 206)  # Hub'Eau answers 206 where there are more pages
_ESCAPED_CONTROL = re.compile(r"\\u00(?:[01][0-9a-fA-F]|7[fF]|[89][0-9a-fA-F])|\\u20[26]")
_TITLE = re.compile(rb"<title[^>]*>\s*([^<]{1,120})", re.IGNORECASE)
_ENCODINGS = {"iso-8859-1", "latin1", "iso-8859-15", "windows-1252", "cp1252"}
_AGENT = "territory-hypervisor"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked. `largest`: bytes of the answer, unpacked."""

    address: str
    parameters: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    validators: Validators | None = None
    largest: int = 16 * 2**20
    form: Literal["json", "xml"] = "json"
    seconds: float = SECONDS


def fetch(request: Request, *, stopping: Callable[[], bool] = lambda: False) -> Answer:
    """The answer, from outside an event loop. Raises FeedError: there is no usable one."""
    return asyncio.run(_fetch_or_stop(request, stopping))


async def _fetch_or_stop(request: Request, stopping: Callable[[], bool]) -> Answer:
    task = asyncio.create_task(_fetch(request))
    while not task.done():
        await asyncio.wait({task}, timeout=_STOP_SECONDS)
        if stopping() and not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            raise FeedError("stopped before {address} answered", request.address)
    return task.result()


async def _fetch(request: Request) -> Answer:
    host = urlsplit(request.address).netloc
    way: list[httpx.URL] = []
    try:
        async with asyncio.timeout(request.seconds):
            response, body = await _get(request, way)
        host = _name_server(response.url)
    except TimeoutError as error:
        raise FeedError(
            "{host} did not answer completely within {count:g} s", host, request.seconds
        ) from error
    except httpx.TimeoutException as error:
        raise FeedError("{host} does not answer ({error})", host, _describe(error)) from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, OSError, ValueError) as error:
        host = _name_server(way[-1]) if way else host
        raise FeedError("{host} cannot be reached: {error}", host, _describe(error)) from error
    if response.status_code == httpx.codes.NOT_MODIFIED and request.validators is not None:
        return Answer(content=None, validators=request.validators)
    _require_usable(response, body, host)
    return Answer(
        content=read_xml(body)
        if request.form == "xml"
        else read_json(body, response.headers.get("content-type", "")),
        body=body,
        validators=Validators(
            etag=_read_validator(response, "etag"),
            last_modified=_read_validator(response, "last-modified"),
        ),
    )


async def _get(request: Request, way: list[httpx.URL]) -> tuple[httpx.Response, bytes]:
    """Follows redirects on the same server only: a key goes to no other. `way`: takes them."""
    address = httpx.URL(request.address)
    if request.parameters:
        address = address.copy_merge_params(dict(request.parameters))
    async with httpx.AsyncClient(
        timeout=httpx.Timeout(_READ_SECONDS), headers=_headers(request)
    ) as client:
        for _ in range(_REDIRECTS + 1):
            way.append(address)
            async with client.stream("GET", address) as response:
                if response.has_redirect_location:
                    address = _follow(address, response)
                    continue
                return response, await _read(response, request.largest)
    raise FeedError("{host} redirects more than {count} times", address.host, _REDIRECTS)


def _headers(request: Request) -> dict[str, str]:
    conditions = request.validators or Validators()
    headers = {
        "Accept": f"application/{request.form}",
        "Accept-Encoding": ACCEPTED,
        "User-Agent": _AGENT,
        "If-None-Match": conditions.etag,
        "If-Modified-Since": conditions.last_modified,
        **(request.headers or {}),
    }
    return {name: value for name, value in headers.items() if value}


def _read_validator(response: httpx.Response, name: str) -> str | None:
    """A header that the next request can send back as it is; None: it cannot."""
    value: str = response.headers.get(name, "")
    return (
        value if value.isascii() and value.isprintable() and len(value) <= _LONGEST_NAME else None
    )


def _follow(address: httpx.URL, response: httpx.Response) -> httpx.URL:
    target = httpx.URL(urljoin(str(address), response.headers.get("location", "")))
    same = (target.scheme, target.host, target.port) == (address.scheme, address.host, address.port)
    # To TLS only from the usual port to the usual port: another port is another server.
    upgraded = (address.scheme, address.port, target.scheme, target.port) == (
        *("http", None, "https", None),
    ) and target.host == address.host
    if not (same or upgraded) or target.userinfo:
        raise FeedError(
            "{host} redirects to {other}: if the service has moved, set its new address",
            _name_server(address),
            make_excerpt(f"{target.scheme}://{_name_server(target)}", 120),
        )
    return target


def _name_server(address: httpx.URL) -> str:
    """Host and port."""
    return f"{address.host}:{address.port}" if address.port else address.host


async def _read(response: httpx.Response, largest: int) -> bytes:
    body = bytearray()
    try:
        async for piece in read_pieces(response, largest):
            body += piece
    except TooLargeError as error:
        raise FeedError(
            "the answer has more than {count} bytes: it was not read to its end",
            largest,
            reason=Reason.TOO_LARGE,
            body=bytes(body[:4096]),
        ) from error
    except ForeignError as error:
        host = _name_server(response.url)
        raise FeedError("the answer of {host} cannot be used: {problem}", host, error) from error
    return bytes(body)


def _require_usable(response: httpx.Response, body: bytes, host: str) -> None:
    """Raises FeedError: the status is that of an error."""
    status = response.status_code
    if status in _USABLE:
        return
    wait = _read_wait(response.headers.get("retry-after", ""))
    if status in (401, 403):
        raise FeedError(
            "{host} refuses us ({status}): is the key right, and still valid?",
            host,
            status,
            body=body,
        )
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise FeedError("{host} is asked too often (429)", host, body=body, wait_s=wait)
    if status in (404, 410):
        raise FeedError(
            "{host} has nothing at this address ({status}): {words}",
            host,
            status,
            _read_message(body) or Message("has the service moved?"),
            body=body,
            is_missing=True,
        )
    raise FeedError("{host} answers {status}", host, status, body=body, wait_s=wait)


def _read_message(body: bytes) -> str:
    """What the service itself says of an error in JSON; "": nothing that can be read."""
    with contextlib.suppress(ForeignError):
        content = read_json_strictly(body[:_LONGEST_ERROR])
        message = content.get("message") if isinstance(content, dict) else None
        return make_excerpt(read_text(message, longest=_LONGEST_ERROR), 200)
    return ""


def _read_wait(header: str) -> float | None:
    """Seconds of Retry-After, a number or a date; bounded."""
    seconds: float | None = None
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        seconds = float(header)
    if seconds is None:
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            until = email.utils.parsedate_to_datetime(header)
            seconds = (until - datetime.now(UTC)).total_seconds()
    if seconds is None or not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def read_json(body: bytes, content_type: str = "") -> object:
    """The content of an answer. Raises FeedError: it is empty, no text, or no JSON."""
    content = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not content:
        raise FeedError("the answer is empty", reason=Reason.EMPTY, body=body)
    if content[:1] == b"<":
        raise FeedError(
            "a web page ({title}) came instead of JSON",
            _read_title(content),
            reason=Reason.NOT_JSON,
            body=body,
        )
    text = _decode(content, content_type)
    try:
        value: object = msgspec.json.decode(text)
        if _ESCAPED_CONTROL.search(text):
            value = _clean(value)
    except RecursionError as error:
        raise FeedError(
            "the JSON is nested too deeply", reason=Reason.TOO_DEEP, body=body
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise FeedError(
            "the answer is not JSON, or is cut off: {error}",
            str(error),
            reason=Reason.NOT_JSON,
            body=body,
        ) from error
    if value is None:
        raise FeedError("the answer is null", reason=Reason.WRONG_SHAPE, body=body)
    return value


def _clean(value: object) -> object:
    """Its texts without control characters, which no database takes and no page shows."""
    if isinstance(value, str):
        return remove_controls(value)
    if isinstance(value, list):
        return [_clean(part) for part in value]
    if isinstance(value, dict):
        return {remove_controls(key): _clean(part) for key, part in value.items()}
    return value


def read_xml(body: bytes) -> bytes:
    """What looks like XML. Raises FeedError: it is empty, a web page, or no XML."""
    content = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not content:
        raise FeedError("the answer is empty", reason=Reason.EMPTY, body=body)
    if content[:1] != b"<":
        raise FeedError("the answer is not XML", reason=Reason.WRONG_SHAPE, body=body)
    if re.match(rb"<(?:!doctype\s+)?html\b", content, re.IGNORECASE):
        raise FeedError(
            "a web page ({title}) came instead of XML",
            _read_title(content),
            reason=Reason.WRONG_SHAPE,
            body=body,
        )
    return content


def _read_title(content: bytes) -> str:
    title = _TITLE.search(content[:4096])
    return " ".join(title[1].decode("utf-8", "replace").split()) if title else "no title"


def _decode(content: bytes, content_type: str) -> str:
    """JSON is UTF-8; a service that says otherwise and means it is believed."""
    with contextlib.suppress(UnicodeDecodeError):
        return content.decode()
    declared = re.search(r"charset=\"?([A-Za-z0-9._-]{1,40})", content_type)
    if declared and declared[1].lower() in _ENCODINGS:
        with contextlib.suppress(UnicodeDecodeError):
            return content.decode(declared[1])
    raise FeedError("the answer is not UTF-8", reason=Reason.NOT_UTF8, body=content)


def _describe(error: Exception) -> str:
    """An error of the network in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:200] if text else type(error).__name__
