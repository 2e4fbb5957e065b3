"""Sends a message over its channel, with placeholders `${…}` filled in."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hypervisor.notifications.kinds import Broker, Posting, list_kinds
from hypervisor.notifications.model import ChannelError, Message
from hypervisor.notifications.routes import Channel

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

Send = Callable[[Channel, Message, str], None]  # channel, message, key


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Sends over any kind of channel. `secrets`: the present values by name."""

    broker: Broker
    secrets: Callable[[], Mapping[str, str]]
    seconds: float

    def __call__(self, channel: Channel, message: Message, key: str) -> None:
        """Send once. Raises ChannelError: it was not delivered, or this is unknown."""
        secrets = self.secrets()
        fields = {name: fill_placeholders(text, secrets) for name, text in channel.fields.items()}
        posting = Posting(message=message, key=key, seconds=self.seconds, broker=self.broker)
        list_kinds()[channel.kind].send(fields, posting)


def is_placeholder(text: str) -> bool:
    """Whether a text is one placeholder and nothing else."""
    return _PLACEHOLDER.fullmatch(text) is not None


def fill_placeholders(target: str, secrets: Mapping[str, str]) -> str:
    """The target with placeholders filled in; inside an address their values are quoted.

    Raises ChannelError: a placeholder has no value.
    """
    alone = _PLACEHOLDER.fullmatch(target)

    def value(match: re.Match[str]) -> str:
        secret = secrets.get(match[1])
        if secret is None:
            raise ChannelError(
                "{name} is set neither in the environment nor in hypervisor.env", match[0]
            )
        return secret if alone else quote(secret, safe="")

    return _PLACEHOLDER.sub(value, target)


def read_secrets(settings_file: Path) -> dict[str, str]:
    """The lines of the settings file, overridden by the environment."""
    secrets: dict[str, str] = {}
    try:
        lines = settings_file.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith("#"):
            secrets[name.strip()] = value.strip().strip("\"'")
    return {**secrets, **os.environ}
