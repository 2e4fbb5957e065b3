"""Commands while the broker, their sender and the web are killed: none sent twice, none lost.

Orders are given over the API by a client that repeats what was not answered, under its own keys;
devices over the real broker count what they receive, as does the network server of one more. What
was under way to the broker when that died cannot be known: it is counted, bounded, and never
sent again.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.child import wait_until
from hypervisor.commands.model import CommandState
from hypervisor.database import feed
from hypervisor.database.connect import connect
from hypervisor.stack import detached, run_state
from tests.actuators import Actuator, listening
from tests.integration.web.served import signed_in
from tests.network_servers import ChirpStack, serving

pytestmark = pytest.mark.acceptance

SITE = "INSERT INTO site (name, title, domain) VALUES ('street', 'Street', 'lighting')"
LAMPS = (
    "INSERT INTO device (name, site, model, commissioned)"
    " SELECT lamp, site.id, 'lamp-controller', '2000-01-01+00' FROM site, unnest(%s::text[]) lamp"
)
GATEWAY = (
    "INSERT INTO gateway (name, title, protocol, properties) VALUES ('lora', 'L', 'chirpstack',"
    """ '{"application": "7", "downlinks_per_second": 100}')"""
)
NODE = (
    "INSERT INTO device (name, site, model, commissioned, gateway, address)"
    " SELECT 'node', id, 'lamp-node', '2000-01-01+00', 'lora', 'a8404100000000f1' FROM site"
)
# Ends of a command that reached its device, or whose outcome is unknown.
ANSWERS = ("txack", "ack")
OBEYED = {CommandState.ACKNOWLEDGED.value}
UNKNOWN = {CommandState.EXPIRED.value}


@dataclass(frozen=True, kw_only=True)
class Load:
    """`waves` commands to each device, one after another, while parts are killed so often."""

    devices: int
    waves: int
    kills: Sequence[str]
    valid_seconds: float
    seed: int


@dataclass(kw_only=True)
class Street:
    """A live instance kept up by its supervisor, its lamps, and who orders over the API.

    `lora`: the network server of one more lamp, `node`.
    """

    settings: Settings
    client: httpx.Client
    lamps: dict[str, Actuator]
    lora: ChirpStack
    keys: dict[UUID, str] = field(default_factory=dict)  # of all orders, with their devices
    died: list[str] = field(default_factory=list)

    @property
    def devices(self) -> list[str]:
        return [*self.lamps, "node"]

    def kill(self, part: str) -> None:
        """kill -9 of a part, as soon as it runs."""
        assert wait_until(lambda: self._pid(part) is not None, seconds=60), part
        pid = self._pid(part) or 0
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.died.append(part)
        wait_until(lambda: self._pid(part) not in (None, pid), seconds=60)

    def _pid(self, part: str) -> int | None:
        state = run_state.read_state(self.settings.data)
        pid = None if state is None else state.pids.get(part)
        return pid if pid is not None and Path(f"/proc/{pid}/exe").exists() else None

    def order(self, device: str, level: int, key: UUID, valid_seconds: float) -> None:
        """Give an order until it is answered: the web may die before, while and after it is."""
        self.keys[key] = device
        body = {
            "kind": "dim",
            "target": f"device/{device}",
            "parameters": {"level": level},
            "reason": "test",
            "key": str(key),
            "valid_seconds": valid_seconds,
        }
        end = time.monotonic() + 60
        while True:
            try:
                answer = self.client.post("/api/v1/commands", json=body)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code < 500:
                assert answer.status_code == 201, answer.text
                return
            assert time.monotonic() < end, "the web did not come back"
            time.sleep(0.05)

    def states(self) -> dict[UUID, tuple[str, bool]]:
        """Of every command its state, and whether its life goes on."""
        with connect(self.settings.database_url) as connection:
            rows = connection.execute("SELECT id, state, due_at IS NOT NULL FROM command")
            return {key: (state, is_open) for key, state, is_open in rows}


@contextmanager
def living(folder: Path, devices: int) -> Iterator[Street]:
    data = folder / "street"
    settings = detached.start(data, mode=Mode.LIVE, name="street", say=lambda _line: None)
    try:
        names = [f"lamp-{number}" for number in range(devices)]
        with connect(settings.database_url) as connection:
            connection.execute(SITE)
            connection.execute(LAMPS, [names])
            connection.execute(GATEWAY)
            connection.execute(NODE)
            feed.append(connection, "registry")
            connection.commit()
        made = {name: passwords.new_password() for name in (*names, "lora")}
        accounts.change(accounts.local_broker(settings), put=made)
        port = settings.broker_port
        lora = ChirpStack(name="lora", password=made.pop("lora"), port=port, answers=ANSWERS)
        lamps = {
            name: Actuator(name=name, password=password, port=port)
            for name, password in made.items()
        }
        base = f"http://127.0.0.1:{settings.web_port}"
        now = _read_clock(settings)
        roles = (("controller", None),)
        with (
            signed_in(base, settings.database_url, "anne", roles, now=now) as client,
            listening(lamps),
            serving([lora]),
        ):
            yield Street(settings=settings, client=client, lamps=lamps, lora=lora)
    finally:
        detached.stop(data)


def _read_clock(settings: Settings) -> datetime:
    with connect(settings.database_url) as connection:
        ((now,),) = connection.execute("SELECT now()").fetchall()
    return now  # type: ignore[no-any-return]


def give_orders(street: Street, load: Load, chance: random.Random) -> None:
    """Wave after wave, each when the one before is over; and kills at random moments."""
    ahead = list(load.kills)
    every = load.waves / (len(ahead) + 1)
    with ThreadPoolExecutor(8) as pool, ThreadPoolExecutor(1) as killer:
        killing = []
        for wave in range(load.waves):
            while ahead and wave >= every * (len(load.kills) - len(ahead) + 1):
                part = ahead.pop(0)
                delay = chance.uniform(0, 0.2)
                killing.append(killer.submit(_kill_soon, street, part, delay))
            orders = [
                pool.submit(street.order, name, wave % 100, _make_key(chance), load.valid_seconds)
                for name in street.devices
            ]
            for order in orders:
                order.result()
            wait_until(lambda: not _open(street), seconds=load.valid_seconds, every=0.05)
        for kill in killing:
            kill.result()


def _kill_soon(street: Street, part: str, delay: float) -> None:
    time.sleep(delay)
    street.kill(part)


def _make_key(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


def _open(street: Street) -> int:
    return sum(is_open for _, is_open in street.states().values())


def check(street: Street, load: Load, tell: Callable[[str], None]) -> None:
    """Each command is there, over, and its device has it once at most."""
    wait_until(lambda: not _open(street), seconds=load.valid_seconds + 60, every=0.2)
    states = street.states()
    assert set(states) == set(street.keys)  # none lost, none of two orders
    assert not any(is_open for _, is_open in states.values())
    relayed = [frame.key for frame in street.lora.frames]
    got = Counter(
        UUID(command["key"]) for lamp in street.lamps.values() for command in lamp.received
    )
    got.update(relayed)
    again = sum(sum(lamp.again.values()) for lamp in street.lamps.values()) + street.lora.repeated
    ends = Counter(state for state, _ in states.values())
    unknown = [key for key, (state, _) in states.items() if state in UNKNOWN]
    tell(
        f"{len(states)} commands, kills -9: {dict(Counter(street.died))}; {dict(ends)};"
        f" received by devices: {len(got)} ({len(relayed)} by the network server),"
        f" more than once: {sum(n > 1 for n in got.values())},"
        f" delivered again by the broker and said so: {again}"
    )
    for lamp in street.lamps.values():
        assert all(street.keys[UUID(command["key"])] == lamp.name for command in lamp.received)
    assert {street.keys[key] for key in relayed} == {"node"}
    assert street.lora.problems == []
    assert max(got.values()) == 1
    obeyed = {key for key, (state, _) in states.items() if state in OBEYED}
    superseded = {key for key, (state, _) in states.items() if state == "superseded"}
    assert obeyed <= set(got)
    assert len(obeyed) + len(unknown) + len(superseded) == len(states)
    assert len(obeyed) > len(states) / 2  # a busy machine lets some expire unsent
    with connect(street.settings.database_url) as connection:
        rows = connection.execute(
            "SELECT count(*) FILTER (WHERE e.to_state = 'sent')"
            " - count(*) FILTER (WHERE e.from_state = 'sent' AND e.to_state = 'queued')"
            " FROM command_event e GROUP BY e.command"
        ).fetchall()
        late = connection.execute(
            "SELECT count(*) FROM command_event e JOIN command c ON c.id = e.command"
            " WHERE e.to_state = 'sent' AND e.at >= c.valid_until"
        ).fetchone()
    assert {sent for (sent,) in rows} <= {0, 1}
    assert late == (0,)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Counts are printed, whether or not the test passes."""

    def say(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return say


def run(folder: Path, load: Load, tell: Callable[[str], None]) -> None:
    with living(folder, load.devices) as street:
        give_orders(street, load, random.Random(load.seed))
        check(street, load, tell)


def test_a_hundred_and_fifty_commands(open_tmp: Path, tell: Callable[[str], None]) -> None:
    kills = ("commands", "web", "broker")
    load = Load(devices=25, waves=6, kills=kills, valid_seconds=3, seed=1)
    run(open_tmp, load, tell)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_ten_thousand_commands(open_tmp: Path, tell: Callable[[str], None]) -> None:
    kills = ("commands", "web", "commands", "broker", "commands") * 6
    load = Load(devices=100, waves=100, kills=kills, valid_seconds=20, seed=2)
    run(open_tmp, load, tell)
