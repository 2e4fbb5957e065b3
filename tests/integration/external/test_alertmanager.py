"""Alertmanager itself, configured as docs/external.md has it, calls our webhook."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from hypervisor.broker.child import wait_until
from tests.integration.external.conftest import SOURCE, Hooked
from tests.ports import reserve_port

pytestmark = [pytest.mark.integration, pytest.mark.long]
DOCUMENT = Path(__file__).parents[3] / "docs" / "external.md"


def read_configuration() -> dict[str, Any]:
    """The example of the document."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("test_alertmanager.py\n")[2]
    configuration: dict[str, Any] = yaml.safe_load(text.partition("```")[0])
    return configuration


@contextmanager
def alertmanager(folder: Path, hook: str, token: str) -> Iterator[str]:
    """Alertmanager; its address. It groups and repeats within a second."""
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        pytest.skip("not installed: Alertmanager (Debian prometheus-alertmanager)")
    configuration = read_configuration()
    [webhook] = configuration["receivers"][0]["webhook_configs"]
    webhook["url"] = hook
    secret = folder / "token"
    secret.write_text(token, encoding="utf-8")
    webhook["http_config"]["authorization"]["credentials_file"] = str(secret)
    waits = {"group_wait": "100ms", "group_interval": "1s", "repeat_interval": "2s"}
    configuration["route"] |= waits
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    address = f"127.0.0.1:{reserve_port()}"
    command = [
        *(program, f"--config.file={file}", f"--storage.path={folder / 'data'}"),
        *(f"--web.listen-address={address}", "--cluster.listen-address="),
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stderr=log) as running:
        try:
            assert wait_until(lambda: answers(f"http://{address}/-/ready"), seconds=60)
            yield f"http://{address}/api/v2"
        finally:
            running.terminate()


def answers(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.HTTPError:
        return False


def send(address: str, *, ended: bool = False) -> None:
    """An alert as Prometheus sends it."""
    now = time.time()
    alert = {
        "labels": {"alertname": "PumpStopped", "severity": "critical", "commune": "Arpajon"},
        "annotations": {"summary": "Pump 2 stopped", "description": "Call the water board."},
        "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 3)),
        "generatorURL": "http://prometheus.example/graph?g0.expr=up",
    }
    if ended:
        alert["endsAt"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    httpx.post(f"{address}/alerts", json=[alert]).raise_for_status()


def wait_for(hooked: Hooked, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The alarm of an operator's list, once it is so."""
    operator = hooked.client()
    found: list[dict[str, Any]] = []

    def comes() -> bool:
        found[:] = operator.get("/api/v1/alarms").json()["alarms"]
        return bool(found) and holds(found[0])

    assert wait_until(comes, seconds=60), found
    assert len(found) == 1
    return found[0]


def test_alertmanager_raises_repeats_and_ends_an_alarm(wall: Hooked, tmp_path: Path) -> None:
    hook = f"{wall.base}/api/v1/hooks/alertmanager/{SOURCE}"
    with alertmanager(tmp_path, hook, wall.token) as address:
        send(address)
        alarm = wait_for(wall, lambda alarm: alarm["active"])
        assert alarm["title"] == "External, Prometheus: Pump 2 stopped"
        assert (alarm["commune"], alarm["severity"][0][1]) == ("91021", "critical")
        assert alarm["advice"] == "Call the water board."
        count = "SELECT deliveries FROM external_source"
        assert wait_until(lambda: wall.value(count) > 2, seconds=60)
        assert wait_for(wall, lambda alarm: alarm["active"])["version"] == alarm["version"]
        send(address, ended=True)
        ended = wait_for(wall, lambda alarm: not alarm["active"])
        assert ended["end_reason"] == "its source ended it"
        assert "failed" not in (tmp_path / "log").read_text(encoding="utf-8")


def test_alertmanager_calls_again_only_where_that_helps(wall: Hooked, tmp_path: Path) -> None:
    hook = f"{wall.base}/api/v1/hooks/alertmanager/{SOURCE}"
    log = tmp_path / "log"
    wall.connection.execute("ALTER TABLE external_source RENAME TO away")  # a fault of ours
    wall.connection.commit()
    with alertmanager(tmp_path, hook, wall.token) as address:
        send(address)
        assert wait_until(lambda: "will retry later" in log.read_text(), seconds=60)
        assert "unexpected status code 500" in log.read_text(encoding="utf-8")
        wall.connection.execute("ALTER TABLE away RENAME TO external_source")
        wall.connection.commit()
        wait_for(wall, lambda alarm: alarm["active"])


def test_alertmanager_gives_up_on_a_wrong_token(wall: Hooked, tmp_path: Path) -> None:
    hook = f"{wall.base}/api/v1/hooks/alertmanager/{SOURCE}"
    log = tmp_path / "log"
    with alertmanager(tmp_path, hook, "wrong") as address:
        send(address)
        gives_up = "unrecoverable error"
        assert wait_until(lambda: gives_up in log.read_text(encoding="utf-8"), seconds=60)
        assert "will retry later" not in log.read_text(encoding="utf-8")
