"""The commands as a person types them."""

import json
import random
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from hypervisor.database.audit import ActError
from hypervisor.database.connect import connect
from hypervisor.readings import (
    corrections,
    queries_dead_letters,
)
from hypervisor.readings.codec_testing import CodecError
from hypervisor.readings.corrections import Attribution
from ingest.message import NewDeadLetter
from tests import command_line
from tests.integration.evaluation.world import World, us
from tests.integration.readings.test_acts import at, known, level, send

pytestmark = pytest.mark.integration

Type = Callable[..., str]
SPAN = ("--from", "2024-01-01T00:20Z", "--to", "2024-01-01T00:40Z")


@pytest.fixture
def mill(world: World) -> World:
    world.register(["mill"])
    world.join()
    send(world, *((minute, 2.0) for minute in range(0, 65, 5)))
    world.beat(60)
    return world


@pytest.fixture
def hypervisor(mill: World, monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", mill.url)
    return lambda *words: command_line.run(*words).output


def test_invalidating_and_taking_it_back(hypervisor: Type) -> None:
    name = "mill/level"
    assert "5 readings in this span: 5 good" in hypervisor(
        "readings", "invalidate", name, *SPAN, "--reason", "ice", "--dry-run"
    )
    assert "No such option" not in hypervisor("audit")
    said = hypervisor("readings", "invalidate", name, *SPAN, "--reason", "ice", "--author", "Ada")
    assert said.startswith("act 1: 5 readings of mill/level invalidated\n")
    shown = hypervisor("readings", "list", name, *SPAN)
    assert shown.count("invalidated") == 5
    assert "act 2: act 1 undone, 5 readings restored" in hypervisor(
        "readings", "undo", "1", "--reason", "no ice"
    )
    first, second = (json.loads(line) for line in hypervisor("audit", "--json").splitlines())
    assert (first["author"], first["kind"], first["details"]["readings"]) == (
        "Ada",
        "invalidate",
        5,
    )
    assert (second["kind"], second["details"]["undoes"]) == ("undo", 1)
    assert "no ice" in hypervisor("audit", "--since", "2024-01-01")
    assert hypervisor("audit", "--kind", "restore") == "no acts yet\n"


def test_a_manual_observation(hypervisor: Type) -> None:
    words = ("readings", "add", "mill/level", "210", "cm", "--at", "2024-01-01T00:57Z")
    assert "would be stored: mill/level 2.1 m" in hypervisor(
        *words, "--reason", "staff", "--dry-run"
    )
    assert "2.1 m at 2024-01-01T00:57:00Z (manual)" in hypervisor(*words, "--reason", "staff")
    lines = hypervisor("readings", "list", "mill/level", "--json").splitlines()
    (seen,) = [one for one in map(json.loads, lines) if one["act"]]
    assert (seen["value"], seen["marks"], seen["received_at"]) == (2.1, "manual", None)


def test_without_reason_or_offset_nothing_is_done(hypervisor: Type) -> None:
    assert "--reason" in hypervisor("readings", "invalidate", "mill/level", *SPAN)
    with pytest.raises(ActError, match="no reason is given"):
        hypervisor("readings", "invalidate", "mill/level", *SPAN, "--reason", " ")
    wrong = hypervisor("readings", "list", "mill/level", "--from", "2024-01-01T00:20")
    assert "has no UTC offset" in wrong
    assert hypervisor("audit") == "no acts yet\n"


def test_keeping_house_by_hand(hypervisor: Type) -> None:
    assert "nothing is past its retention" in hypervisor("housekeeping", "--dry-run")
    assert json.loads(hypervisor("housekeeping", "--once", "--json"))["readings"] == 0


def test_a_person_and_ingest_take_turns(mill: World) -> None:
    """Both change the same readings at the same time; nobody fails, and both agree at the end."""
    failed: list[BaseException] = []

    def correct() -> None:
        other = World(url=mill.url, connection=connect(mill.url), numbers=mill.numbers)
        chance = random.Random(7)
        try:
            for number in range(25):
                some = chance.sample(range(0, 65, 5), 6)
                send(other, *((minute, 2.0 + number) for minute in some), received=100 + number)
        except psycopg.Error as error:
            failed.append(error)
        finally:
            other.close()

    ingest = threading.Thread(target=correct)
    ingest.start()
    for _ in range(10):
        done = corrections.invalidate(
            mill.connection, level(mill), at(0), at(60), Attribution(reason="ice")
        )
        mill.connection.commit()
        corrections.undo(mill.connection, known(mill), done.number, Attribution(reason="none"))
        mill.connection.commit()
    ingest.join()
    assert failed == []
    rows = mill.connection.execute(
        "SELECT r.time, r.value, r.quality, last.value, last.quality FROM reading r"
        " CROSS JOIN LATERAL (SELECT value, quality FROM reading_version v"
        "   WHERE v.series_id = r.series_id AND v.time = r.time"
        "   ORDER BY GREATEST(v.received_at, v.acted_at) DESC LIMIT 1) last"
        " WHERE r.series_id = %s",
        [mill.numbers["mill", "level"]],
    ).fetchall()
    assert len(rows) == 13
    assert [row for row in rows if row[1:3] != row[3:]] == []


def test_the_latest_of_many_readings_are_listed(hypervisor: Type) -> None:
    shown = hypervisor("readings", "list", "mill/level", "--limit", "3")
    assert shown.endswith("the latest 3 of them; --from, --to and --limit show others\n")
    lines = hypervisor("readings", "list", "mill/level", "--limit", "3", "--json").splitlines()
    assert [json.loads(line)["time"] for line in lines] == [
        f"2024-01-01T0{time}:00Z" for time in ("0:50", "0:55", "1:00")
    ]


def test_dead_letters_are_listed_shown_and_replayed(hypervisor: Type, mill: World) -> None:
    letters = [
        NewDeadLetter(
            topic=f"devices/{device}/readings",
            payload=b'{"time": "2024-01-01T00:14:00Z", "values": {"level": 3.3}}',
            reason="unknown-device",
            detail="nobody has it",
            received_at=us(14 + number),
            again=False,
        )
        for number, device in enumerate(("mill", "stranger"))
    ]
    queries_dead_letters.store_letters(mill.connection, letters, "one")
    mill.connection.commit()
    listed = [
        json.loads(line) for line in hypervisor("dead-letters", "list", "--json").splitlines()
    ]
    assert [letter["topic"] for letter in listed] == [letter.topic for letter in letters]
    first = str(listed[0]["id"])
    assert json.loads(hypervisor("dead-letters", "show", first, "--json")) == listed[0]
    shown = hypervisor("dead-letters", "show", first)
    assert "reason       unknown-device" in shown
    outcomes = hypervisor("dead-letters", "replay", first, "--json").splitlines()
    (outcome,) = [json.loads(line) for line in outcomes if line.startswith("{")]  # no progress
    assert outcome["id"] == listed[0]["id"]
    replayed = hypervisor("dead-letters", "replay")
    assert "1 letters: 0 readings stored, 1 letters refused again" in replayed
    waiting = hypervisor("dead-letters", "list", "--json").splitlines()
    assert [json.loads(line)["topic"] for line in waiting] == [letters[1].topic]
    every = ("dead-letters", "list", "--all", "--json")
    assert len(hypervisor(*every).splitlines()) == 2
    assert len(hypervisor(*every, "--limit", "1").splitlines()) == 1


def test_an_exercise_without_a_clock_needs_a_time(hypervisor: Type, mill: World) -> None:
    mill.connection.execute("UPDATE worker SET heartbeat_at = NULL")
    mill.connection.execute("UPDATE evaluation_state SET watermark = NULL, evaluated_to = NULL")
    mill.connection.commit()
    with pytest.raises(ActError, match=r"^the exercise has not begun, so it has no time yet"):
        hypervisor("readings", "add", "mill/level", "2", "m", "--reason", "staff")


def test_a_recording_is_imported_once(hypervisor: Type, mill: World, tmp_path: Path) -> None:
    file = tmp_path / "mill-2023.csv"
    file.write_text(
        "time_utc,H_mm,height\n2023-05-01T00:00:00Z,1500,1\n2023-05-01T00:05:00Z,1600,2\n"
        "2023-05-01T00:10:00Z,1700,3\n"
    )
    words = ("import", str(file), "--station", "mill")
    some = json.loads(
        hypervisor(
            *words, "--from", "2023-05-01T00:05Z", "--to", "2023-05-01T00:05Z", "--json"
        ).splitlines()[-1]
    )
    assert some == {"read": 1, "stored": 1, "already_there": 0, "rejected": {}}
    assert hypervisor(*words).splitlines()[-1] == (
        "3 rows read: 2 stored, 1 already stored, 0 rejected"
    )
    rows = mill.connection.execute(
        "SELECT value, received_at FROM reading WHERE time < '2024-01-01' ORDER BY time"
    ).fetchall()
    assert rows == [(1.5, None), (1.6, None), (1.7, None)]
    refused = hypervisor("import", str(file), "--station", "nobody").splitlines()
    assert refused[-2] == "3 rows read: 0 stored, 0 already stored, 3 rejected"
    assert refused[-1].split(maxsplit=1)[0] == "3"


def test_codecs_of_one_s_own_are_added_shown_and_removed(hypervisor: Type, tmp_path: Path) -> None:
    mapping, script = tmp_path / "probe.yaml", tmp_path / "probe.js"
    mapping.write_text("payload: javascript\nfields:\n  level: {quantity: level, unit: m}\n")
    script.write_text("function Decoder(b) { return {level: b[0]} }")
    files = ("--mapping", str(mapping), "--script", str(script))
    assert hypervisor("codec", "add", "probe", *files, "--author", "ann") == (
        "codec 'probe' is in force\n"
    )
    assert hypervisor("codec", "add", "probe", *files, "--author", "bob").startswith(
        "codec 'probe' is in force; it replaces that of ann, added on 20"
    )
    assert hypervisor("codec", "show", "probe") == mapping.read_text()
    assert hypervisor("codec", "show", "probe", "--script") == script.read_text()
    listed = [json.loads(line) for line in hypervisor("codec", "list", "--json").splitlines()]
    (own,) = [codec for codec in listed if codec["codec"] == "probe"]
    assert (own["payload"], own["by"][:4]) == ("javascript", "bob,")
    names = [codec["codec"] for codec in listed if codec["by"] == "shipped"]
    table = hypervisor("codec", "list")
    assert all(name in table for name in [*names, "probe"])
    tried = json.loads(hypervisor("codec", "try", "probe", "--hex", "02", "--json"))
    assert tried["readings"] == [{"quantity": "level", "value": 2.0, "unit": "m", "quality": []}]
    alone = tmp_path / "alone.yaml"
    alone.write_text("payload: json\nfields:\n  level: {quantity: level, unit: m}\n")
    hypervisor("codec", "add", "alone", "--mapping", str(alone))
    with pytest.raises(CodecError) as none:
        hypervisor("codec", "show", "alone", "--script")
    assert str(none.value) == "codec 'alone' has no script: its mapping alone decodes the payload"
    assert hypervisor("codec", "remove", "probe") == "codec 'probe' is removed\n"
    with pytest.raises(CodecError) as gone:
        hypervisor("codec", "remove", "probe")
    assert str(gone.value) == "the instance has no codec 'probe' of its own; see `codec list`"
    with pytest.raises(CodecError, match=r"^no codec 'probe'; there are air-probe, alone, "):
        hypervisor("codec", "show", "probe")
    acts = [json.loads(line) for line in hypervisor("audit", "--json").splitlines()]
    assert [(act["kind"], act["subject"], act["reason"]) for act in acts] == [
        ("codec-add", "probe", "added"),
        ("codec-add", "probe", "replaced"),
        ("codec-add", "alone", "added"),
        ("codec-remove", "probe", "removed"),
    ]
