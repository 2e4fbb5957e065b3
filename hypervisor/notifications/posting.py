"""A message as the JSON that programs read, whatever the channel."""

import json
from typing import Any

from hypervisor.notifications.model import Message

KEY = "Idempotency-Key"  # the header that has it


def encode_body(message: Message) -> bytes:
    """The body as JSON."""
    return json.dumps(build_body(message), ensure_ascii=False).encode()


def build_body(message: Message) -> dict[str, Any]:
    """The data of the message with title and text."""
    return {**message.data, "title": message.title, "text": message.text}
