"""A message to the channel that stands under its name, its `${…}` filled in as it is sent."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hypervisor.notifications import apprise_channel, mqtt_channel, webhook_channel
from hypervisor.notifications.errors import ChannelError
from hypervisor.notifications.message import Message
from hypervisor.notifications.mqtt_channel import Broker
from hypervisor.notifications.routes import APPRISE, MQTT, Channel

_BLANK = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

Send = Callable[[Channel, Message, str], None]  # channel, message, key


@dataclass(frozen=True, kw_only=True)
class Post:
    """Everything a message needs on its way. `secrets`: by name, as they are now."""

    broker: Broker
    secrets: Callable[[], Mapping[str, str]]
    seconds: float

    def __call__(self, channel: Channel, message: Message, key: str) -> None:
        """Send once.

        Raises:
            ChannelError: it was not taken, or we do not know.
        """
        target = filled(channel.target, self.secrets())
        if channel.kind == MQTT:
            mqtt_channel.send(self.broker, target, message, seconds=self.seconds)
        elif channel.kind == APPRISE:
            apprise_channel.send(target, message, key=key, seconds=self.seconds)
        else:
            webhook_channel.send(target, message, key=key, seconds=self.seconds)


def filled(target: str, secrets: Mapping[str, str]) -> str:
    """The target with its blanks filled in; a part of an address is quoted, a whole one is not.

    Raises:
        ChannelError: a blank names nothing.
    """
    whole = _BLANK.fullmatch(target)

    def value(match: re.Match[str]) -> str:
        secret = secrets.get(match[1])
        if secret is None:
            raise ChannelError(
                f"${{{match[1]}}} is set neither in the environment nor in hypervisor.env"
            )
        return secret if whole else quote(secret, safe="")

    return _BLANK.sub(value, target)


def secrets_of(settings_file: Path) -> dict[str, str]:
    """The environment, and before it the lines of the instance's own file."""
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
