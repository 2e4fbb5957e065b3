"""A webhook: one POST of JSON or a CloudEvent, with an idempotency key; success is 2xx."""

import base64
import http.client
import ssl
from functools import partial
from urllib.parse import unquote, urlsplit

from hypervisor.base.translation import mark
from hypervisor.notifications import cloudevents
from hypervisor.notifications.kinds import TARGET, ChannelKind, Fields, Posting
from hypervisor.notifications.model import ChannelError
from hypervisor.notifications.posting import KEY, build_body, encode_body
from sensors._errors import Message as Sentence

WEBHOOK, CLOUDEVENTS, CLOUDEVENTS_BINARY = "webhook", "cloudevents", "cloudevents binary"
_SHOWN = 200  # characters of the response kept in the error


def send(fields: Fields, posting: Posting, *, envelope: str = WEBHOOK) -> None:
    """Send a message, as it is or as a CloudEvent."""
    message, where = posting.message, urlsplit(fields[TARGET])
    if where.scheme not in ("http", "https") or not where.hostname:
        raise ChannelError("not a webhook address; expected http:// or https://")
    path = (where.path or "/") + (f"?{where.query}" if where.query else "")
    try:
        connection = _open_connection(where.scheme, where.hostname, where.port, posting.seconds)
        try:
            headers = build_headers(posting.key, where.username, where.password)
            body = encode_body(message)
            if envelope == CLOUDEVENTS:
                headers["Content-Type"] = cloudevents.STRUCTURED
                body = cloudevents.encode(message, build_body(message))
            elif envelope == CLOUDEVENTS_BINARY:
                headers |= cloudevents.build_headers(message)
            connection.request("POST", path, body, headers)
            with connection.getresponse() as answer:  # the rest is left unread
                excerpt = answer.read(_SHOWN).decode("utf-8", "replace")
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ChannelError("{name}: {error}", type(error).__name__, error) from error
    if not 200 <= answer.status < 300:
        raise ChannelError(f"answered {answer.status} {answer.reason}: {excerpt}".strip(": \n"))


def build_headers(key: str, user: str | None, password: str | None) -> dict[str, str]:
    values = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "territory-hypervisor",
        KEY: key,
    }
    if user:
        pair = f"{unquote(user)}:{unquote(password or '')}".encode()
        values["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return values


def _open_connection(
    scheme: str, host: str, port: int | None, seconds: float
) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
    return http.client.HTTPConnection(host, port, timeout=seconds)


def find_problem(fields: Fields) -> Sentence | None:
    """An address that is none of the web's."""
    where = urlsplit(fields[TARGET])
    if "${" in fields[TARGET] or (where.scheme in ("http", "https") and where.hostname):
        return None
    expected = "expected a webhook such as https://town.example/hook"
    return Sentence("{target!r}: {expected}", fields[TARGET], expected)


KINDS = tuple(
    ChannelKind(
        name=name, label=label, send=partial(send, envelope=name), find_problem=find_problem
    )
    for name, label in (
        (WEBHOOK, mark("webhook")),
        (CLOUDEVENTS, mark("webhook (CloudEvents)")),
        (CLOUDEVENTS_BINARY, mark("webhook (CloudEvents, binary)")),
    )
)
