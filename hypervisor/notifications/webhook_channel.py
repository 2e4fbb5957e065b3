"""A webhook: one POST of JSON or a CloudEvent, with an idempotency key; success is 2xx."""

import base64
import http.client
import json
import ssl
from typing import Any
from urllib.parse import unquote, urlsplit

from hypervisor.notifications import cloudevents
from hypervisor.notifications.apprise_channel import KEY
from hypervisor.notifications.model import ChannelError, Message
from hypervisor.notifications.routes import CLOUDEVENTS, CLOUDEVENTS_BINARY, WEBHOOK

_SHOWN = 200  # characters of the response kept in the error


def send(
    target: str, message: Message, *, key: str, seconds: float, envelope: str = WEBHOOK
) -> None:
    """Send a message, as it is or as a CloudEvent.

    Raises ChannelError: it was not delivered, or this is unknown.
    """
    where = urlsplit(target)
    if where.scheme not in ("http", "https") or not where.hostname:
        raise ChannelError("not a webhook address; expected http:// or https://")
    path = (where.path or "/") + (f"?{where.query}" if where.query else "")
    try:
        connection = _open_connection(where.scheme, where.hostname, where.port, seconds)
        try:
            headers = build_headers(key, where.username, where.password)
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


def encode_body(message: Message) -> bytes:
    """The body as JSON."""
    return json.dumps(build_body(message), ensure_ascii=False).encode()


def build_body(message: Message) -> dict[str, Any]:
    """The data of the message with title and text."""
    return {**message.data, "title": message.title, "text": message.text}


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
