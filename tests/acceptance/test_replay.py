"""Recorded floods, replayed as they happened: accounted for, and the same alarms at any speed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hypervisor.base.instants import text
from hypervisor.broker.child import stop
from hypervisor.registry.model import Revision
from rules._duration import HOUR
from rules._forecast import model_to_json
from rules._pack import packs
from rules._written_forecast import WrittenModel
from sensors._errors import Place
from simulators._options import parse_instant
from simulators._publications import instant_of
from simulators._recordings import read
from tests.acceptance.conftest import GARONNE, Exercise

pytestmark = pytest.mark.acceptance

READINGS = 118_164
TOULOUSE = "O200004001"  # site toulouse-pont-neuf
PEAK = ("--from", "2022-01-10T00:00Z", "--to", "2022-01-11T12:00Z")
ROUND_PEAK = ("--from", "2022-01-09T12:00Z", "--to", "2022-01-12T12:00Z")
FORTNIGHT = ("--from", "2022-01-05T00:00Z", "--to", "2022-01-18T23:55Z")
SILENT = ("flood-level-silent",)
SETTLED = "2022-01-10T06:00:00Z"  # no window of a rule looks back from here to before the peak

OUTAGE = ("--outage", "2022-01-10T12:00Z..2022-01-11T06:00Z")
DISTURBED = ("--shuffle", "3600", "--double", *OUTAGE)


SOON = ("flood-attention-likely", "flood-alert-likely", "flood-danger-likely")
# Twice as far as it came within the hour, half of that of the gauge above; the second knows less.
MODELS = (
    (0, {"change(level, 1 h)": 1.0, "change(level@portet, 2 h)": 0.5}),
    (9, {"change(level, 1 h)": 2.0}),
)


def forecasting(exercise: Exercise) -> None:
    """Toulouse has a model from the first of January on, and another one from the tenth."""
    revisions = []
    for days, terms in MODELS:
        written = WrittenModel(series="level", terms={2 * HOUR: terms}, spread=0.4)
        model = written.model("toulouse-pont-neuf", Place(file="test", line=1, column=1))
        revisions.append(
            Revision(
                kind="forecast",
                key="toulouse-pont-neuf/level",
                value=model_to_json(model),
                effective=datetime(2022, 1, 1 + days, tzinfo=UTC),
                author="test",
                reason="test",
            )
        )
    exercise.revise(*revisions)


def value_rules() -> list[str]:
    return [rule.id for pack in packs() for rule in pack.rules if rule.axis == "values"]


def require_whole(account: dict[str, Any], readings: int) -> None:
    """Published = stored + named in the dead letters."""
    assert account["published"] == readings
    assert account["stored"] + sum(account["dead_letters"].values()) == readings
    assert account["lost"] == account["already_there"] == 0


def crossings(limit: float, hold: int = 600_000_000) -> list[tuple[str, str | None]]:
    """The slow way: above `limit` for a time (µs) at a reading, until 10 cm below it."""
    rows = read(GARONNE, stations=[TOULOUSE]).rows
    found: list[tuple[str, str | None]] = []
    since: int | None = None
    active = False
    for time, level in zip(rows["time"].astype("int64"), rows["value"], strict=True):
        above = level > limit
        since = (since or time) if above else None
        if not active and since is not None and time - since >= hold:
            active = True
            found.append((text(time), None))
        elif active and level < limit - 0.10:
            active = False
            found[-1] = (found[-1][0], text(time))
    return found


def inside(log: Sequence[dict[str, Any]], start: str, end: str) -> list[dict[str, Any]]:
    """The log as it stood at `end`, of what began after `start`."""

    def clipped(at: str | None) -> str | None:
        return None if at is None or at > end else at

    return [
        entry
        | {
            "ended": clipped(entry["ended"]),
            "severity": [step for step in entry["severity"] if step[0] <= end],
            "stale": [[a, clipped(b)] for a, b in entry["stale"] if a <= end],
        }
        for entry in log
        if start < entry["since"] and entry["began"] <= end
    ]


def at_toulouse(log: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in log if entry["subject"] == "toulouse-pont-neuf"]


def flooded_toulouse(exercise: Exercise) -> None:
    """Raised and cleared at the data's own times, however late and shuffled the readings come."""
    start, end = map(parse_instant, ROUND_PEAK[1::2])
    readings = len(read(GARONNE, stations=[TOULOUSE], start=start, end=end).rows)
    account = exercise.replay(
        GARONNE, "--station", TOULOUSE, *ROUND_PEAK, "--speed", "max", *DISTURBED
    )
    assert account["published"] == 2 * readings
    assert account["stored"] == account["already_there"] == readings
    assert account["lost"] == 0
    (level,) = (e for e in at_toulouse(exercise.log()) if e["rule"] == "flood-level")
    limits = exercise.thresholds("toulouse-pont-neuf")
    assert [(level["began"], level["ended"])] == crossings(limits["attention"])
    assert crossings(limits["danger"], 0)[0][0] in {at for at, _ in level["severity"]}


def lost_at_poyo(exercise: Exercise, floods: Path) -> None:
    """The lost sensor clears nothing, and is told as silent though its rows keep coming."""
    require_whole(exercise.replay(floods / "poyo-2024-10.csv", "--speed", "max"), 1153)
    log = {entry["rule"]: entry for entry in exercise.log() if entry["subject"] == "poyo"}
    drowned = log["flood-discharge"]
    assert drowned["ended"] is None
    assert drowned["severity"][-1][1] == "critical"
    assert drowned["stale"] == [["2024-10-29T18:10:00Z", None]]  # three intervals unheard
    silent = log["flood-discharge-silent"]
    assert silent["began"] == "2024-10-29T18:25:00Z"
    assert silent["ended"] is None
    assert silent["severity"][-1][1] == "major"


def test_recorded_floods_raise_their_own_alarms(exercise: Exercise, floods: Path) -> None:
    """Two in one exercise, years apart: between them it did not listen."""
    exercise.apply("garonne")
    flooded_toulouse(exercise)
    exercise.apply("poyo")
    lost_at_poyo(exercise, floods)


OURS = ("2022-01-10T10:00Z", "2022-01-10T12:15Z")  # the hours in which we did not listen
BEFORE = ("--from", "2022-01-10T06:00Z", "--to", OURS[0])
AFTER = ("--from", OURS[1], "--to", "2022-01-10T18:00Z")


@pytest.mark.long
def test_an_outage_of_ours_accuses_no_gauge_and_one_of_theirs_does(
    new_exercise: Callable[[], Exercise],
) -> None:
    """The same two hours are missing in both: first nobody listened, then nobody spoke."""
    ours = new_exercise()
    ours.apply("garonne")
    for span in (BEFORE, AFTER):
        ours.replay(GARONNE, "--station", TOULOUSE, *span, "--speed", "max")
    assert at_toulouse(ours.log(rules=SILENT)) == []

    theirs = new_exercise()
    theirs.apply("garonne")
    whole = (BEFORE[0], BEFORE[1], AFTER[2], AFTER[3])
    held = ("--outage", f"{OURS[0]}..{OURS[1]}")
    theirs.replay(GARONNE, "--station", TOULOUSE, *whole, "--speed", "max", *held)
    (silent,) = at_toulouse(theirs.log(rules=SILENT))
    assert silent["ended"] is not None


@pytest.mark.long
def test_toulouse_is_the_same_at_every_speed_and_once_more(
    new_exercise: Callable[[], Exercise],
) -> None:
    logs = []
    for words in (("--speed", "max"), ("--speed", "36000"), ("--speed", "max", *DISTURBED)):
        played = new_exercise()
        played.apply("garonne")
        forecasting(played)
        replay = (GARONNE, "--station", TOULOUSE, *ROUND_PEAK, *words)
        account = played.replay(*replay)
        log = played.log()
        again = played.replay(*replay, "--again")
        assert again["stored"] == 0
        assert again["already_there"] == account["published"]
        assert played.log() == log
        # Late copies move the clock on: both logs are read at the last measurement's time.
        values = at_toulouse(played.log(rules=value_rules()))
        logs.append(inside(values, "", text(instant_of(parse_instant(ROUND_PEAK[3])))))
    assert {entry["rule"] for entry in logs[0]} >= {"flood-level", *SOON[:2]}
    assert all(log == logs[0] for log in logs)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_whole_month_and_thirty_six_hours_at_3600(new_exercise: Callable[[], Exercise]) -> None:
    month = new_exercise()
    month.apply("garonne")
    forecasting(month)
    require_whole(month.replay(GARONNE, "--speed", "max"), READINGS)
    peak = new_exercise()
    peak.apply("garonne")
    forecasting(peak)
    account = peak.replay(GARONNE, "--speed", "3600", *PEAK)
    start, end = map(parse_instant, PEAK[1::2])
    require_whole(account, len(read(GARONNE, start=start, end=end).rows))
    inner = inside(peak.log(), SETTLED, account["clock"])
    assert inner
    assert inner == inside(month.log(), SETTLED, account["clock"])


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_disturbed_fortnight_taken_over_by_another_worker(
    new_exercise: Callable[[], Exercise],
) -> None:
    """All value alarms of all stations, and nothing lost from one worker to the other."""
    start, end = map(parse_instant, FORTNIGHT[1::2])
    readings = len(read(GARONNE, start=start, end=end).rows)
    logs = []
    for words in ((), ("--shuffle", "5400", "--double", *OUTAGE)):
        played = new_exercise()
        played.apply("garonne")
        forecasting(played)
        if words:
            played.start("ingest", "--worker", "ingest-2")
            stop(played.parts[0])
            played.await_worker("ingest-2")
        account = played.replay(GARONNE, *FORTNIGHT, "--speed", "max", *words)
        assert account["stored"] == readings
        assert account["lost"] == 0
        logs.append(inside(played.log(rules=value_rules()), "", text(instant_of(end))))
    assert {entry["rule"] for entry in logs[0]} >= {"flood-level", *SOON[:2]}
    assert logs[0] == logs[1]
