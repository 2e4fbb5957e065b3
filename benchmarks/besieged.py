"""A warning to honest browsers beside as many hostile subscriptions, by a sender that is killed."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks import hostile
from benchmarks.citizens import Plan as CitizensPlan
from benchmarks.citizens import publish
from benchmarks.hostile import Attack, HostileService
from benchmarks.subscribers import COMMUNE, SECRET, make_certificate, make_point
from hypervisor.bench.servers import BenchError, Ground, settings_environment
from hypervisor.broker.ports import LOOPBACK
from hypervisor.citizens import push_key
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.push_service import Browser
from hypervisor.database.connect import Connection, connect

_PATIENCE = 600.0  # s
_BETWEEN = 8.0  # s between two kills


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many of each, how often the sender is killed, and the pace."""

    honest: int = 1_000
    attackers: int = 1_000
    kills: int = 5
    per_minute: int = 6_000
    seed: int = 1


def measure(place: Ground, plan: Plan, tick: Callable[[str, int, int], None]) -> dict[str, Any]:
    """How late each honest browser was warned, beyond its place in the pace (s)."""
    certificate, key = make_certificate(place.folder)
    with hostile.serve(certificate, key) as service:
        environment = {
            "HYPERVISOR_PUBLIC_PAGE": "public",
            "HYPERVISOR_PUBLIC_URL": "https://alerte.example",
            "HYPERVISOR_CITIZENS_KEY": SECRET,
            "HYPERVISOR_CITIZENS_PUSHES_PER_MINUTE": str(plan.per_minute),
            "HYPERVISOR_CITIZENS_PUSH": service.hosts,
            "SSL_CERT_FILE": str(certificate),
        }
        with connect(place.settings.database_url) as connection:
            places = _subscribe(connection, plan, service)
            publish(connection, CitizensPlan(communes=1, warnings=1))
        began = time.monotonic()
        _send(place, plan, service, environment, tick)
        with connect(place.settings.database_url) as connection:
            given_up = _count(connection, "given_up_at IS NOT NULL")
            tried = _count(connection, "attempts > 0")
    late = {
        path: service.taken[path] - began - number * 60 / plan.per_minute
        for path, number in places.items()
        if path in service.taken
    }
    return {
        "bench": "besieged",
        "honest": plan.honest,
        "attackers": plan.attackers,
        "kills": plan.kills,
        "never": plan.honest - len(late),
        "latest_s": round(max(late.values(), default=0.0), 1),
        "twice": service.doubled,
        "tried": tried,
        "given_up": given_up,
    }


def _send(
    place: Ground,
    plan: Plan,
    service: HostileService,
    environment: dict[str, str],
    tick: Callable[[str, int, int], None],
) -> None:
    """Send until all honest ones are warned; the sender is killed every few seconds."""
    until = time.monotonic() + _PATIENCE
    for number in range(plan.kills + 1):
        with _run_sender(place, environment) as process:
            killed_at = time.monotonic() + _BETWEEN
            while number == plan.kills or time.monotonic() < killed_at:
                tick("warned", len(service.taken), plan.honest)
                if len(service.taken) >= plan.honest and number == plan.kills:
                    return
                if process.poll() is not None or time.monotonic() > until:
                    end = (place.folder / "mailing.log").read_text()[-2_000:]
                    raise BenchError(f"{len(service.taken)} of {plan.honest} were warned: {end}")
                time.sleep(0.05)


@contextmanager
def _run_sender(place: Ground, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with (place.folder / "mailing.log").open("a") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hypervisor", "--data", str(place.settings.data), "mailing"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=settings_environment(place.settings) | environment,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _subscribe(connection: Connection, plan: Plan, service: HostileService) -> dict[str, int]:
    """Confirmed subscriptions of both in a random order; the place of each honest path."""
    dice = random.Random(plan.seed)  # noqa: S311  a bench
    key = AddressKey(secret=SECRET)
    push_key.make(connection, key, author="bench", replace=True)
    point, secret = make_point(), "A" * 22
    attack = Attack(service=service, key=key, keys=(point, secret), dice=dice)
    rows = [("", *row) for row in attack.make_rows(plan.attackers)]
    for number in range(plan.honest):
        path = f"/honest/{number}"
        endpoint = f"https://{LOOPBACK}:{service.port}{path}"
        address = Browser(endpoint=endpoint, p256dh=point, auth=secret).write()
        rows.append((path, key.digest(endpoint), key.encrypt(address)))
    dice.shuffle(rows)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO subscription (channel, digest, address, commune, language, confirmed_at)"
            " VALUES ('push', %s, %s, %s, 'fr', now())",
            [(digest, address, COMMUNE) for _, digest, address in rows],
        )
    return {path: number for number, (path, _, _) in enumerate(rows) if path}


def _count(connection: Connection, which: str) -> int:
    row = connection.execute(
        f"SELECT count(*) FROM subscription_delivery WHERE {which}"  # noqa: S608  ours
    ).fetchone()
    return int(row[0]) if row else 0
