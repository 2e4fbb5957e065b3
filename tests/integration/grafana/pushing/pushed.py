"""What the tests of pushing have in common: two dashboards, a reader, and pushing them."""

from contextlib import closing
from typing import Any

from hypervisor.grafana import service_push
from hypervisor.grafana.client import Grafana
from hypervisor.grafana.service_push import Outcome, PushOptions, Step
from tests.integration.grafana.pushing.fake_grafana import ADMIN, World

READER = "postgresql://reader_grafana:reader-password@db:5432/hypervisor?sslmode=disable"
FLOOD: dict[str, Any] = {
    "uid": "hypervisor-flood",
    "title": "Flood",
    "tags": ["hypervisor"],
    "schemaVersion": 41,
    "panels": [{"id": 1, "title": "Levels"}, {"id": 2, "title": "Rain"}],
}
WEATHER: dict[str, Any] = {
    "uid": "hypervisor-weather",
    "title": "Weather",
    "tags": ["hypervisor"],
    "panels": [],
}
WISH = PushOptions(
    documents={each["uid"]: each for each in (FLOOD, WEATHER)},
    source=service_push.source_of(READER),
)


def push(
    world: World, wish: PushOptions = WISH, *, token: str = ADMIN, dry: bool = False
) -> list[Step]:
    with closing(Grafana(world.url, token)) as grafana:
        return service_push.push(grafana, wish, dry=dry)


def became(steps: list[Step]) -> dict[str, Outcome]:
    return {step.name: step.how for step in steps}
