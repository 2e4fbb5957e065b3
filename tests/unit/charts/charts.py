"""What tests of charts share: a reader, traces of few readings, a scale to read pixels from."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypervisor.base.reader import Reader
from hypervisor.charts.model import Trace
from hypervisor.charts.scale import TimeScale
from hypervisor.charts.shapes import Drawn, Mark
from hypervisor.readings.queries_charts import Bin
from sensors._quantity import Kind

START = datetime(2024, 10, 9, tzinfo=UTC).timestamp()
HOUR = 3_600.0
READER = Reader(language="en", zone=ZoneInfo("UTC"), now=datetime(2024, 10, 9, tzinfo=UTC))
OVER = TimeScale(first=START, last=START + 10 * HOUR, left=0, right=1_000, now=START + 8 * HOUR)


def one_bin(hour: float, value: float) -> Bin:
    at = START + hour * HOUR
    return Bin(at=at, low=value, mean=value, high=value, total=value, last=value, count=1)


def trace(points: Sequence[tuple[float, float]], **more: object) -> Trace:
    """Of (hours after the start, value)."""
    known: dict[str, object] = {
        "name": "gauge/level",
        "label": "Water level",
        "unit": "m",
        "kind": Kind.GAUGE,
        "digits": 2,
        "bins": [one_bin(hour, value) for hour, value in points],
        "interval_s": HOUR,
        "stale_s": 3 * HOUR,
        "least": 0.1,
    }
    return Trace(**{**known, **more})  # type: ignore[arg-type]


def texts(shapes: Sequence[Drawn]) -> list[str]:
    return [drawn.words for drawn in shapes if not isinstance(drawn, Mark) and drawn.tag == "text"]


def of_class(shapes: Sequence[Drawn], css: str) -> list[Drawn]:
    return [drawn for drawn in shapes if not isinstance(drawn, Mark) and css in drawn.css.split()]


def spans(shapes: Sequence[Drawn], css: str) -> list[tuple[float, float]]:
    """The left and right edges of rectangles, in hours after the start."""
    found = []
    for one in of_class(shapes, css):
        assert not isinstance(one, Mark)
        left = float(one.attributes["x"])
        found.append((left / 100, (left + float(one.attributes["width"])) / 100))
    return found
