"""Official reaches of stretches between gauges, by place and name."""

import pytest

from hypervisor.geography.official import match_official_reaches
from hypervisor.geography.rivers import Gauge

COURSES = {
    "upper": [[[2.0, 48.0], [2.1, 48.0]]],
    "lower": [[[2.2, 48.0], [2.3, 48.0]]],
    "other": [[[2.3, 48.005], [2.3, 48.5]]],
}
TITLES = {"upper": "Petite Seine", "lower": "La Seine aval", "other": "Marne"}


def gauges(river: str, *places: tuple[float, float]) -> list[Gauge]:
    return [Gauge(site=f"{lon}", river=river, lon=lon, lat=lat) for lon, lat in places]


@pytest.mark.parametrize(
    ("river", "places", "areas"),
    [
        ("Seine", [(2.01, 48.001), (2.09, 48.0)], ["upper"]),
        ("Aube", [(2.01, 48.001), (2.09, 48.0)], ["upper"]),  # both gauges on it: whatever its name
        ("La Seine", [(2.09, 48.0), (2.21, 48.0)], ["lower", "upper"]),  # one begins, one ends
        ("Seine", [(1.5, 48.0), (2.05, 48.0)], ["upper"]),
        ("Aube", [(1.5, 48.0), (2.05, 48.0)], []),  # flows into the Seine at its last gauge
        ("Marne", [(2.3, 48.4), (2.3, 48.004)], ["other"]),  # also near the Seine's
        ("Seine", [(2.0, 48.02), (2.1, 48.02)], []),  # two kilometres away
    ],
)
def test_a_stretch_lies_on(river: str, places: list[tuple[float, float]], areas: list[str]) -> None:
    matches = match_official_reaches(gauges(river, *places), COURSES, TITLES)
    assert [match.area for match in matches] == areas


def test_rivers_do_not_run_into_each_other() -> None:
    both = gauges("Aube", (2.01, 48.0)) + gauges("Seine", (2.02, 48.0), (2.08, 48.0))
    (match,) = match_official_reaches(both, COURSES, TITLES)
    assert match == ("2.02", "2.08", "upper")
