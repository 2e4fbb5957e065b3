"""Our own broker as a channel: `<topic>/<domain>/<severity>`, for sirens, panels, other systems."""

import threading
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.notifications import webhook_channel
from hypervisor.notifications.errors import ChannelError
from hypervisor.notifications.message import Message

_CONNECTION = threading.Lock()  # the account is connected once: a second connection ends the first


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Where it is, and as whom we speak to it."""

    host: str
    port: int
    user: str
    password: str


def topic_of(base: str, message: Message) -> str:
    """Of an alarm by domain and severity; what is of none by its event."""
    alarm = message.data.get("alarm")
    parts = [message.data["event"].replace(" ", "-")]
    if alarm is not None:
        parts = [alarm["domain"] or "other", message.data["severity"]]
    return "/".join([base.strip("/"), *parts])


def send(broker: Broker, base: str, message: Message, *, seconds: float) -> None:
    """Publish once, QoS 1, and wait until the broker has it; the key stands in the JSON.

    Raises:
        ChannelError: it was not taken, or we do not know.
    """
    if not _CONNECTION.acquire(timeout=seconds):
        raise ChannelError(f"other notifications to the broker took over {seconds:g} s")
    try:
        _send(broker, base, message, seconds)
    finally:
        _CONNECTION.release()


def _send(broker: Broker, base: str, message: Message, seconds: float) -> None:
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.username_pw_set(broker.user, broker.password)
    client.connect_timeout = seconds
    done, problems = threading.Event(), list[str]()

    def on_publish(*arguments: Any) -> None:
        code = arguments[3]
        if code.is_failure:
            problems.append(f"the broker refused it: {code}")
        done.set()

    def on_connect(*arguments: Any) -> None:
        code = arguments[3]
        if code.is_failure:
            problems.append(f"the broker lets us not in: {code}")
            done.set()
            return
        client.publish(topic_of(base, message), webhook_channel.body(message), qos=1)

    client.on_publish, client.on_connect = on_publish, on_connect
    try:
        client.connect(broker.host, broker.port)
        client.loop_start()
        if not done.wait(seconds):
            problems.append(f"the broker did not answer within {seconds:g} s")
    except (OSError, ValueError) as error:
        raise ChannelError(f"no broker at {broker.host}:{broker.port}: {error}") from error
    finally:
        client.disconnect()
        client.loop_stop()
    if problems:
        raise ChannelError("; ".join(problems))
