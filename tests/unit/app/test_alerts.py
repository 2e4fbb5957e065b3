"""deploy/alerts.yml asks for figures that there are; docs/deployment.md shows how it is used."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from hypervisor.app import api_metrics
from hypervisor.app.queries_metrics import Measured, WorkerFigures
from hypervisor.web.hub import Hub
from hypervisor.web.request_metrics import Meter
from tests import documents

PAGE = documents.ROOT / "docs" / "deployment.md"
ALERTS = documents.ROOT / "deploy" / "alerts.yml"


def samples() -> set[str]:
    """The names of all samples of /metrics, when everything has happened once."""
    worker = WorkerFigures(
        name="one", messages=1, rows=1, refused=1, batches=1, retries=1, repeated=1, age=1
    )
    measured = Measured(
        mode="live",
        instance="town",
        workers=[worker],
        letters=[("not-json", False, 1)],
        alarms=[("active", "major", "flood", 1)],
        deliveries=[("dead", 1)],
        commands=[("queued", 1)],
        figures=dict.fromkeys([*api_metrics._COUNTERS, *api_metrics._GAUGES], 1),  # noqa: SLF001
    )
    meter = Meter(Hub("", lambda: datetime.now(UTC)))
    meter.requests.labels("GET", "/", "200").inc()
    meter.seconds.labels("GET", "/").observe(1)
    families = [*api_metrics._build_families(measured), *meter.registry.collect()]  # noqa: SLF001
    return {sample.name for family in families for sample in family.samples}


def test_each_figure_is_one_of_ours() -> None:
    rules = [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 10
    asked = {name for rule in rules for name in re.findall(r"\bhypervisor_\w+", rule["expr"])}
    assert asked - samples() == {"hypervisor_database_up"}  # of the collector itself


def scrape_settings() -> str:
    """The example of docs/deployment.md."""
    return documents.find_example(str(PAGE), __file__)


def test_the_job_of_the_page_is_the_one_that_is_watched() -> None:
    (job,) = yaml.safe_load(scrape_settings())["scrape_configs"]
    assert f'up{{job="{job["job_name"]}"}}' in ALERTS.read_text()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="not installed: promtool")
def test_prometheus_understands_both(tmp_path: Path) -> None:
    shutil.copy(ALERTS, tmp_path)
    (tmp_path / "hypervisor.token").touch()
    (tmp_path / "prometheus.yml").write_text(scrape_settings())
    done = subprocess.run(
        ["promtool", "check", "config", "--lint-fatal", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
