"""The two ends of a command at three brokers: who sends it, and the device that obeys."""

import time
from collections import Counter
from contextlib import suppress
from threading import Event, Thread
from uuid import UUID, uuid4

from paho.mqtt.client import MQTTMessage

from hypervisor.base.instance import Mode
from hypervisor.broker import passwords
from hypervisor.commands.link import Address, Link
from hypervisor.commands.wire import Message, Topics, read_key, topics_of
from tests.cluster.brokers import Broker, Brokers
from tests.cluster.devices import SECRET, abandon, connect_client
from tests.cluster.network import Network

DEVICE = "pump-7"


class Actuator:
    """A device whose session outlives its connection; it turns to another machine when cut off."""

    def __init__(self, network: Network, brokers: Brokers) -> None:
        self.received: Counter[UUID] = Counter()
        self._brokers, self._stopping = brokers, Event()
        with network.outside.inside():
            self._thread = Thread(target=self._run, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        turn = 0
        while not self._stopping.is_set():
            address = self._brokers.addresses[turn % 3]
            turn += 1
            client = connect_client(
                DEVICE,
                SECRET,
                address,
                self._brokers.plan.ports.mqtt,
                on_message=self._receive,
                kept_seconds=3_600,
            )
            if client is None:
                continue
            client.subscribe(f"devices/{DEVICE}/commands", qos=1)
            while client.is_connected() and not self._stopping.is_set():
                time.sleep(0.05)
            client.disconnect()
            abandon(client)

    def _receive(self, message: MQTTMessage) -> None:
        key = read_key(bytes(message.payload))
        if key is not None:
            self.received[key] += 1

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(30)


class Sender:
    """What the part `commands` does at the broker: each key is published once."""

    def __init__(self, brokers: Brokers) -> None:
        self.sent: set[UUID] = set()
        self.taken: set[UUID] = set()
        self._brokers, self._turn = brokers, 0
        self._link: Link | None = None
        self._topics: Topics = topics_of(Mode.LIVE)

    def send(self) -> None:
        """One command, if a broker is there."""
        try:
            link = self._link or self._open()
            with self._here().machine.inside():
                link.turn(0.0)
                key = uuid4()
                body = f'{{"key": "{key}"}}'.encode()
                self.sent.add(key)
                topic = self._topics.of_device(DEVICE)
                link.publish(Message(key=key, topic=topic, body=body), seconds=600)
                verdicts = link.await_verdicts()
        except OSError:
            if self._link is not None:
                self.taken |= {each.key for each in self._link.take_verdicts() if not each.refusal}
                self.taken |= self._link.echoed
            self._link, self._turn = None, self._turn + 1
            return
        self.taken |= {each.key for each in verdicts if not each.refusal}
        self.taken |= link.echoed
        link.settle()

    def close(self) -> None:
        """Hear what is still on its way."""
        end = time.monotonic() + 5
        with suppress(OSError):
            link = self._link or self._open()
            while time.monotonic() < end:
                link.turn(0.1)
            self.taken |= link.echoed
            link.settle()
            link.close()

    def _here(self) -> Broker:
        return self._brokers.each[self._turn % 3]

    def _open(self) -> Link:
        broker, plan = self._here(), self._brokers.plan
        address = Address(
            host="127.0.0.1",
            port=plan.ports.mqtt_parts,
            user=passwords.COMMANDS,
            password=plan.secrets.broker,
            clustered=True,
        )
        link = Link(address, self._topics)
        with broker.machine.inside():
            link.open()
        link.doubtful = self.sent - self.taken
        self.taken |= link.echoed
        link.settle()
        self._link = link
        return link
