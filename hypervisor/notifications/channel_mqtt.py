"""The broker as a channel, `<topic>/<domain>/<severity>`: for sirens, panels, other systems."""

import threading
from typing import Any

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.base.translation import mark
from hypervisor.notifications.kinds import TARGET, Broker, ChannelKind, Fields, Posting
from hypervisor.notifications.model import ChannelError, Message
from hypervisor.notifications.posting import encode_body
from sensors._errors import Message as Sentence

_CONNECTION = threading.Lock()  # one connection per account: a second would end the first


def build_topic(base: str, message: Message) -> str:
    """The topic: by domain and severity of the alarm, else by event."""
    alarm = message.data.get("alarm")
    parts = [message.data["event"].replace(" ", "-")]
    if alarm is not None:
        parts = [alarm["domain"] or "other", message.data["severity"]]
    return "/".join([base.strip("/"), *parts])


def send(fields: Fields, posting: Posting) -> None:
    """Publish with QoS 1 and wait for the broker; the JSON contains the key."""
    seconds = posting.seconds
    if not _CONNECTION.acquire(timeout=seconds):
        raise ChannelError("other notifications to the broker took over {seconds:g} s", seconds)
    try:
        _publish(posting.broker, fields[TARGET], posting.message, seconds)
    finally:
        _CONNECTION.release()


def find_problem(fields: Fields) -> Sentence | None:
    """A topic that cannot be published to."""
    base = fields[TARGET]
    if base.strip("/") and not set("+#") & set(base):
        return None
    expected = "expected a topic such as hypervisor/alarms"
    return Sentence("{target!r}: {expected}", base, expected)


def _publish(broker: Broker, base: str, message: Message, seconds: float) -> None:
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
            problems.append(f"the broker refused the connection: {code}")
            done.set()
            return
        client.publish(build_topic(base, message), encode_body(message), qos=1)

    client.on_publish, client.on_connect = on_publish, on_connect
    try:
        client.connect(broker.host, broker.port)
        client.loop_start()
        if not done.wait(seconds):
            problems.append(f"the broker did not answer within {seconds:g} s")
    except (OSError, ValueError) as error:
        raise ChannelError(
            "no broker at {host}:{port}: {error}", broker.host, broker.port, str(error)
        ) from error
    finally:
        client.disconnect()
        client.loop_stop()
    if problems:
        raise ChannelError("; ".join(problems))


KINDS = (ChannelKind(name="mqtt", label=mark("MQTT topic"), send=send, find_problem=find_problem),)
