"""The broker's keeper: saves queues in time and suspends accounts that flood the broker.

By itself mosquitto saves its queues every second or two. While ingest is connected they are empty;
while it is away, short queues are saved ten times a second.

mosquitto has no rate limit per account. Ingest sees who fills its queue and says so on
`hypervisor/pause/…`; the keeper removes that account from the admitted ones and restores it later.
Acknowledged messages are stored; the device still has the others.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from hypervisor.broker import accounts, crash_notes, password_file, passwords
from hypervisor.broker.child import command_line
from hypervisor.broker.errors import StackError
from hypervisor.broker.mosquitto import Broker
from ingest.topics import HERE, PAUSES, PRESENCE

FIRST_SECONDS, LONGEST_SECONDS = 30.0, 600.0  # doubled each time
_RETRY_SECONDS = 1.0
_SAVE_SECONDS = 0.1  # between two saves of a short queue
_LONG_BYTES = 20_000_000  # a queue of that length takes as long as the broker's own saves
_FORGET_SECONDS = 3600.0  # after which an account begins with the shortest pause again
Say = Callable[[str], None]


class Keeper:
    """The process that runs the broker calls `tend` several times a second."""

    def __init__(
        self, broker: Broker, say: Say, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._broker, self._say, self._ticks = broker, say, ticks
        self._folder = broker.folder
        self._paused: frozenset[str] = frozenset()
        self._requests: list[str] = []
        self._until: dict[str, float] = {}  # name -> when it is admitted again
        self._pauses: dict[str, float] = {}  # name -> seconds of its last pause
        self._next_try = self._next_save = 0.0
        self._away = True  # ingest
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=passwords.KEEPER, reconnect_on_failure=False
        )
        client.username_pw_set(passwords.KEEPER, broker.password)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        self._client = client

    def _on_connect(self, *_: object) -> None:
        self._away = True  # until the broker says otherwise
        self._client.subscribe([(f"{PAUSES}+", 1), (PRESENCE, 1)])

    def _on_message(self, _client: object, _data: object, message: MQTTMessage) -> None:
        if message.topic == PRESENCE:
            self._away = message.payload != HERE
        else:
            self._requests.append(message.topic.removeprefix(PAUSES))

    def close(self) -> None:
        """Say goodbye, unless the broker went first."""
        self._client.disconnect()
        while self._client.want_write():
            if self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break

    def _listen(self, now: float) -> None:
        """Without a thread: the caller forks children, which is safe in one thread only."""
        if self._client.socket() is not None:
            self._client.loop(0)
        elif now >= self._next_try:
            self._next_try = now + _RETRY_SECONDS
            with suppress(OSError):
                self._client.connect(self._broker.own_host, self._broker.parts_port)

    def tend(self) -> None:
        """Suspend the accounts that ingest names; admit those whose pause is over."""
        now = self._ticks()
        self._listen(now)
        if self._away and now >= self._next_save:
            self._next_save = now + self._save()
        requests, self._requests = self._requests, []
        for name in requests:
            if now < self._until.get(name, now) or not self._has_account(name):
                continue
            since = now - self._until.get(name, -_FORGET_SECONDS)
            last = self._pauses.get(name, 0.0) if since < _FORGET_SECONDS else 0.0
            seconds = self._pauses[name] = min(2 * last or FIRST_SECONDS, LONGEST_SECONDS)
            self._until[name] = now + seconds
            self._say(f"{name} floods the broker: suspended for {seconds:.0f} s")
        self._apply_pauses(frozenset(name for name, until in self._until.items() if now < until))

    def _save(self) -> float:
        """Have the broker save its queues; seconds until the next check."""
        kept = self._folder.broker / "mosquitto.db"
        with suppress(OSError, ValueError):
            size = kept.stat().st_size
            if size < _LONG_BYTES:
                pid = int(crash_notes.pid_file(self._folder).read_text())
                if self._broker.is_mine(command_line(pid)):
                    os.kill(pid, signal.SIGUSR1)
                return max(_SAVE_SECONDS, size / _LONG_BYTES)
        return 1.0

    def _has_account(self, name: str) -> bool:
        with suppress(StackError):
            return not passwords.is_own(name) and name in password_file.read(self._folder)
        return False

    def _apply_pauses(self, out: frozenset[str]) -> None:
        if out == self._paused:
            return
        try:
            accounts.pause(self._broker, out)
        except (OSError, StackError) as error:
            self._say(f"accounts could not be suspended: {error}")
        self._paused = out


@contextmanager
def run_keeper(broker: Broker, say: Say) -> Iterator[Keeper]:
    """A connected keeper until the end of the block."""
    keeper = Keeper(broker, say)
    try:
        yield keeper
    finally:
        keeper.close()
