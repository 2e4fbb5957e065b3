"""Gauges that publish to the three brokers of a cluster, and what of it is stored."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypervisor.broker.child import wait_until
from tests.acceptance.publisher import Gauge, Publisher
from tests.cluster.machines import Cluster, Member

GAUGES = ("gauge-1", "gauge-2", "gauge-3", "gauge-4")
RATE = 20.0  # messages/s of all gauges
SILENCE_SECONDS = 5.0  # after which a device takes another broker
SITE = """\
  - name: {name}
    title: {name}
    lon: 2.25
    lat: 48.59
    devices: [{{name: {name}, commissioned: 2020-01-01, series: {{level: 30 s}}}}]
"""


def add_gauges(member: Member, folder: Path) -> dict[str, Gauge]:
    """Register them from this machine, and give each an account."""
    file = folder / "mill.yaml"
    file.write_text("sites:\n" + "".join(SITE.format(name=name) for name in GAUGES))
    done = member.command("inventory", "apply", str(file))
    assert done.returncode == 0, done.stderr
    gauges = {}
    for name in GAUGES:
        made = member.command("device", "add", name)
        assert made.returncode == 0, made.stderr
        gauges[name] = Gauge(name=name, password=made.stdout.strip(), low=1, high=2)
    return gauges


@contextmanager
def publishing(
    running: Cluster, gauges: Mapping[str, Gauge], *, finish_seconds: float, days_ago: int = 60
) -> Iterator[Publisher]:
    """They publish from outside meanwhile; at the end all of it is acknowledged."""
    publisher = Publisher(
        port=running.plan.ports.mqtt,
        gauges=gauges,
        rate=RATE,
        begins=datetime.now(UTC).replace(microsecond=0) - timedelta(days=days_ago),
        hosts=running.plan.addresses,
        silence=SILENCE_SECONDS,
    )
    with running.network.outside.inside():
        publisher.start()
    yield publisher
    assert publisher.finish(seconds=finish_seconds), "the brokers do not acknowledge everything"


def assert_stored_once(
    running: Cluster, *publishers: Publisher, at: Member | None = None, least: int = 1000
) -> None:
    """What was acknowledged is stored, and nothing twice. `at`: the machine that looks."""
    sent = {
        (name, publisher.measured_at(number))
        for publisher in publishers
        for name, sent in publisher.sent.items()
        for number in sent.acknowledged
    }
    assert len(sent) >= least

    def read() -> Counter[tuple[str, datetime]]:
        with running.database(at=at) as connection:
            return Counter(
                (name, time)
                for name, time in connection.execute(
                    "SELECT device.name, time FROM reading JOIN series ON series.id = series_id"
                    " JOIN device ON device.id = series.device"
                )
            )

    wait_until(lambda: sent <= read().keys(), seconds=60)
    stored = read()
    assert sent - stored.keys() == set()
    assert max(stored.values()) == 1
