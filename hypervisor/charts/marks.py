"""What lies upon a line: its last value, marks of quality, and where the present rate leads."""

from collections.abc import Iterator, Sequence

from hypervisor.charts.model import Extrapolation, Labels, Trace
from hypervisor.charts.scale import TimeScale, ValueScale
from hypervisor.charts.shapes import Drawn, area, circle, line, path, text
from sensors._quality import Quality

_LETTER = 6.4  # px, of 12 px Plex


def draw_last_value(trace: Trace, over: TimeScale, up: ValueScale) -> Iterator[Drawn]:
    if trace.bins and over.inside(trace.bins[-1].at) and over.inside(over.now):
        value = trace.bins[-1].last
        at = min(trace.bins[-1].at + (trace.piece or 0), over.now)
        yield circle("pt", over.x(at), min(max(up.y(value), up.top), up.bottom), 4.5)


def draw_quality_marks(
    trace: Trace, over: TimeScale, up: ValueScale, words: Labels
) -> Iterator[Drawn]:
    suspect = [marked for marked in trace.marked if marked.quality & Quality.SUSPECT]
    manual = [marked for marked in trace.marked if not marked.quality & Quality.SUSPECT]
    for marked in suspect:
        x = over.x(marked.at)
        y = (
            up.bottom - 8
            if marked.value is None
            else min(max(up.y(marked.value), up.top + 5), up.bottom - 5)
        )
        yield path("x", f"M{x - 4} {y - 4}l8 8m0-8l-8 8")
    if suspect:
        marked = suspect[-1]
        x, y = over.x(marked.at), up.bottom - 8
        if marked.value is not None:
            y = min(max(up.y(marked.value), up.top + 5), up.bottom - 5)
        words_of = words.say("%(count)s set aside or suspect") % {"count": len(suspect)}
        right = x + 10 + len(words_of) * _LETTER > over.right
        yield text(
            "halo", x - 10 if right else x + 10, y + 4, words_of, "end" if right else "start"
        )
    for marked in manual:
        if marked.value is not None:
            x, y = over.x(marked.at), up.y(marked.value)
            yield path("q", f"M{x} {round(y - 6, 1)}l6 6-6 6-6-6Z")
    if manual and manual[-1].value is not None:
        marked = manual[-1]
        x, y = over.x(marked.at), up.y(marked.value or 0)
        words_of = words.say("manual reading %(clock)s") % {"clock": words.clock(marked.at)}
        right = x + 11 + len(words_of) * _LETTER > over.right
        yield text(
            "halo", x - 11 if right else x + 11, y + 18, words_of, "end" if right else "start"
        )


def draw_extrapolation(
    ahead: Extrapolation, over: TimeScale, up: ValueScale, lines: Sequence[float], words: Labels
) -> Iterator[Drawn]:
    """The dotted line and its slack, and when it comes to what."""
    until = min(ahead.until, over.last)
    if until <= ahead.at:
        return

    def at(rate: float) -> tuple[float, float]:
        """Where it leads, or where it leaves the scale."""
        edge = up.high if rate > 0 else up.low
        leaves = (edge - ahead.value) / rate if rate else until
        seconds = min(until - ahead.at, max(leaves, 0.0))
        return over.x(ahead.at + seconds), up.y(ahead.value + rate * seconds)

    start = (over.x(ahead.at), up.y(ahead.value))
    yield area("fan", [start, at(ahead.rate + ahead.slack)], [at(ahead.rate - ahead.slack)])
    yield line("pr", [start, at(ahead.rate)])
    x = over.x(until)
    yield text("halo", x, up.bottom - 10, words.say("at the present rate, no forecast"), "end")
    for number, reach in enumerate(crossing for crossing in ahead.reaches if crossing.at <= until):
        yield circle("q", over.x(reach.at), up.y(reach.value), 3.6, reach.label)
        words_of = f"{words.clock(reach.at)} {reach.label}"
        right = over.x(ahead.at) + 6 + len(words_of) * _LETTER > over.right
        x = over.right - 4 if right else over.x(ahead.at) + 6
        y = up.y(ahead.value) + 22 + number * 15
        if any(abs(y - 4 - level) < 9 for level in lines):
            y += 14
        if y < up.bottom - 24:
            yield text("halo", x, y, words_of, "end" if right else "start")
