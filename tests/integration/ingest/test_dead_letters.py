"""The commands for dead letters: list, show, and replay with a shift of the clock."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.settings import Settings
from hypervisor.database import feed
from hypervisor.database.connect import StoreError, connect
from hypervisor.readings import ingest_worker, queries_dead_letters
from hypervisor.readings.dead_letter_replay import ShiftError, replay
from ingest.message import NewDeadLetter
from tests.integration.ingest.conftest import count, hypervisor, seed

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC).replace(microsecond=0)


def letter(payload: object, reason: str, device: str = "gauge-0") -> NewDeadLetter:
    return NewDeadLetter(
        topic=f"devices/{device}/readings",
        payload=json.dumps(payload).encode(),
        reason=reason,
        detail=f"{reason} [said] in words",
        received_at=round(NOW.timestamp() * 1e6),
        again=False,
    )


def test_list_show_and_replay(instance_settings: Settings) -> None:
    settings = instance_settings
    seed(settings.database_url)
    ahead = (NOW + timedelta(hours=1)).isoformat()
    with connect(settings.database_url) as connection:
        queries_dead_letters.store_letters(
            connection,
            [
                letter({"time": ahead, "values": {"level": 1.5, "battery": 80}}, "time-ahead"),
                letter({"time": ahead, "values": {"level": 1.5, "ph": 7}}, "time-ahead", "gauge-1"),
                letter({"time": ahead, "values": {"level": 1.5}}, "unknown-device", "stranger"),
            ],
            "one",
        )
    listed = hypervisor(settings, "dead-letters", "list", "--json", "--reason", "time-ahead")
    found = [json.loads(line) for line in listed.splitlines()]
    assert [one["reason"] for one in found] == ["time-ahead", "time-ahead"]
    table = hypervisor(settings, "dead-letters", "list")
    assert "[said]" in table
    shown = hypervisor(settings, "dead-letters", "show", str(found[0]["id"]))
    assert "gauge-0" in shown
    assert '"battery"' in shown
    unshifted = hypervisor(settings, "dead-letters", "replay", "--reason", "time-ahead")
    assert "0 readings stored, 2 letters refused again" in unshifted
    shifted = hypervisor(settings, "dead-letters", "replay", "--shift", "-1h")
    assert "3 letters: 3 readings stored, 2 letters refused again" in shifted
    with pytest.raises(ShiftError, match="such as -1h"):
        hypervisor(settings, "dead-letters", "replay", "--shift", "soon")
    with connect(settings.database_url) as connection:
        rows = connection.execute("SELECT time, received_at FROM reading").fetchall()
        assert rows == [(NOW, NOW)] * 3
        waiting = queries_dead_letters.list_letters(connection)
        assert sorted(dead_letter.reason for dead_letter in waiting) == [
            "unknown-device",
            "unknown-quantity",
        ]
        rest = next(
            dead_letter for dead_letter in waiting if dead_letter.reason == "unknown-quantity"
        )
        assert json.loads(rest.payload)["values"] == {"ph": 7}
        assert count(connection, "feed WHERE kind = 'readings'") == 1


def test_one_letter_that_cannot_be_stored_stops_no_other(instance_settings: Settings) -> None:
    settings = instance_settings
    seed(settings.database_url)
    with connect(settings.database_url) as connection:
        queries_dead_letters.store_letters(
            connection,
            [
                letter(
                    {"time": f"{NOW - timedelta(minutes=n):%Y-%m-%dT%H:%M:%SZ}", "values": values},
                    "unknown-device",
                )
                for n, values in enumerate(({"level": 1}, {"level": 7}, {"level": 3}, {"x": 1}))
            ],
            "one",
        )
        connection.execute("ALTER TABLE reading ADD CHECK (value <> 7)")
    sent = hypervisor(settings, "dead-letters", "replay")
    assert "4 letters: 2 readings stored, 2 letters refused again" in sent
    with connect(settings.database_url) as connection:
        values = connection.execute("SELECT value FROM reading ORDER BY value").fetchall()
        assert values == [(1,), (3,)]
        poison, unknown = queries_dead_letters.list_letters(connection)
        assert "not-storable" in (poison.outcome or "")
        assert "check constraint" in (poison.outcome or "")
        assert "unknown-quantity" in (unknown.outcome or "")
        connection.execute("ALTER TABLE reading DROP CONSTRAINT reading_value_check")
    sent = hypervisor(settings, "dead-letters", "replay", str(poison.id))
    assert "1 letters: 1 readings stored, 0 letters refused again" in sent


def test_a_clock_that_is_refused_again_stores_nothing(instance_settings: Settings) -> None:
    """Its fault was counted when it came; a letter is not done because of that count."""
    settings = instance_settings
    seed(settings.database_url)
    with connect(settings.database_url) as connection:
        connection.execute(
            "INSERT INTO series (device, quantity) SELECT id, 'clock_fault' FROM device"
        )
        connection.execute("INSERT INTO feed (kind) VALUES ('registry')")
        ahead = {"time": (NOW + timedelta(hours=1)).isoformat(), "values": {"level": 1}}
        edge = {"time": "9999-12-31T23:59:59Z", "values": {"level": 1}}
        start = {"time": "0001-01-01T00:00:00Z", "values": {"level": 1}}
        some = [letter(each, "time-ahead") for each in (ahead, edge, start)]
        queries_dead_letters.store_letters(connection, some, "one")
    for shift in ("0s", "+1d", "-36525d", "+36525 d"):
        sent = hypervisor(settings, "dead-letters", "replay", "--shift", shift)
        assert "3 letters: 0 readings stored, 3 letters refused again" in sent
        with connect(settings.database_url) as connection:
            outcomes = [
                str(dead_letter.outcome)
                for dead_letter in queries_dead_letters.list_letters(connection)
            ]
        assert not [text for text in outcomes if not text.startswith("refused: time-")]
    for shift in ("1e9 d", "99999999999 h", "-36526 d", "nan s", ""):
        with pytest.raises(ShiftError):
            hypervisor(settings, "dead-letters", "replay", "--shift", shift)
    sent = hypervisor(settings, "dead-letters", "replay", "--shift", "-60 min")
    assert "3 letters: 1 readings stored, 2 letters refused again" in sent
    with connect(settings.database_url) as connection:
        assert connection.execute("SELECT time FROM reading").fetchall() == [(NOW,)]


def test_the_beginning_of_a_message_that_was_too_large_is_not_taken_for_it(
    instance_settings: Settings,
) -> None:
    settings = instance_settings
    seed(settings.database_url)
    with connect(settings.database_url) as connection:
        whole = {"time": NOW.isoformat(), "values": {"level": 1}}  # and a MiB of what followed
        queries_dead_letters.store_letters(connection, [letter(whole, "too-large")], "one")
    sent = hypervisor(settings, "dead-letters", "replay")
    assert "1 letters: 0 readings stored, 1 letters refused again" in sent
    with connect(settings.database_url) as connection:
        assert count(connection) == 0


def test_a_letter_somewhat_larger_than_a_message_is_replayed(instance_settings: Settings) -> None:
    """A whole backlog with a wrong clock, whose numbers are written out: 1 as 1.0."""
    settings = instance_settings
    seed(settings.database_url)
    backlog = [
        {
            "time": f"{NOW + timedelta(hours=1, seconds=-n):%Y-%m-%dT%H:%M:%SZ}",
            "values": {"level": 1},
        }
        for n in range(20_000)
    ]
    made = letter(backlog, "time-ahead")
    assert len(made.payload) > 1_048_576
    with connect(settings.database_url) as connection:
        queries_dead_letters.store_letters(connection, [made], "one")
    sent = hypervisor(settings, "dead-letters", "replay", "--shift", "-1h")
    assert "1 letters: 20000 readings stored, 0 letters refused again" in sent


def test_a_database_that_goes_away_is_told(instance_settings: Settings) -> None:
    settings = instance_settings
    seed(settings.database_url)
    with connect(settings.database_url) as connection:
        queries_dead_letters.store_letters(connection, [letter({"x": 1}, "no-time")] * 3, "one")
        connection.commit()
        dead_letters = queries_dead_letters.list_letters(connection)
        connection.rollback()
        with ingest_worker.open_ingest_context(settings) as by:
            pid = by.connection.info.backend_pid
            connection.execute("SELECT pg_terminate_backend(%s)", [pid])
            with pytest.raises(StoreError, match="replay again for the rest"):
                list(replay(by, dead_letters, shift=timedelta()))
        assert [
            dead_letter.outcome for dead_letter in queries_dead_letters.list_letters(connection)
        ] == [None] * 3


def pack(**values: float) -> bytes:
    """A SenML pack: quantities of now; one that ends in `_ahead` is of an hour later."""
    records = [
        {
            "n": name.removesuffix("_ahead"),
            "v": value,
            "t": NOW.timestamp() + (3600 if name.endswith("_ahead") else 0),
        }
        for name, value in values.items()
    ]
    return json.dumps(records).encode()


def of_pack(payload: bytes, reason: str) -> NewDeadLetter:
    return replace(letter({}, reason), topic="devices/gauge-0/senml", payload=payload)


def test_a_letter_that_holds_all_of_its_message_waits_while_it_is_refused_for_its_reason(
    instance_settings: Settings,
) -> None:
    """What is good of it is stored already; no second letter comes of what is still refused."""
    settings = instance_settings
    seed(settings.database_url)
    whole = pack(level=1.5, ph=7)
    with connect(settings.database_url) as connection:
        queries_dead_letters.store_letters(connection, [of_pack(whole, "unknown-quantity")], "one")
    for _ in range(2):
        hypervisor(settings, "dead-letters", "replay")
        with connect(settings.database_url) as connection:
            (waiting,) = queries_dead_letters.list_letters(connection, waiting=False)
            assert (waiting.replayed_at, waiting.payload) == (None, whole)
            assert "1 readings stored; refused: unknown-quantity" in str(waiting.outcome)
            assert count(connection) == 1
    with connect(settings.database_url) as connection:
        connection.execute(
            "INSERT INTO series (device, quantity) SELECT id, 'humidity' FROM device"
        )
        feed.append(connection, "registry")
        mended = pack(level=1.5, humidity=7)
        connection.execute("UPDATE dead_letter SET payload = %s", [mended])
    sent = hypervisor(settings, "dead-letters", "replay")
    assert "1 letters: 2 readings stored, 0 letters refused again" in sent
    with connect(settings.database_url) as connection:
        assert not queries_dead_letters.list_letters(connection)
        assert count(connection) == 2


def test_what_is_mended_of_it_and_what_is_not_are_two_letters(instance_settings: Settings) -> None:
    settings = instance_settings
    seed(settings.database_url)
    with connect(settings.database_url) as connection:
        whole = of_pack(pack(level=1.5, ph=7), "unknown-device")  # it is known by now
        queries_dead_letters.store_letters(connection, [whole], "one")
    hypervisor(settings, "dead-letters", "replay")
    with connect(settings.database_url) as connection:
        (rest,) = queries_dead_letters.list_letters(connection)
        assert (rest.reason, rest.worker, rest.payload) == (
            "unknown-quantity",
            "replay",
            whole.payload,
        )
        assert count(connection, "dead_letter") == 2


def test_a_shift_moves_only_what_was_not_believed_of_a_whole_message(
    instance_settings: Settings,
) -> None:
    settings = instance_settings
    seed(settings.database_url)
    with connect(settings.database_url) as connection:
        queries_dead_letters.store_letters(
            connection, [of_pack(pack(level=1, battery_ahead=80), "time-ahead")], "one"
        )
        native = {"time": NOW.isoformat(), "values": {"discharge": 3}}
        queries_dead_letters.store_letters(connection, [letter(native, "unknown-device")], "one")
    sent = hypervisor(settings, "dead-letters", "replay", "--shift", "-1h")
    assert "2 letters: 3 readings stored, 0 letters refused again" in sent
    with connect(settings.database_url) as connection:
        found = connection.execute(
            "SELECT quantity, time FROM reading JOIN series ON series.id = series_id ORDER BY 1"
        ).fetchall()
    hour = timedelta(hours=1)
    assert found == [("battery", NOW), ("discharge", NOW - hour), ("level", NOW)]


def test_a_message_in_which_nothing_was_measured_is_done(instance_settings: Settings) -> None:
    """A network server's join, say, that a codec of before had refused."""
    settings = instance_settings
    seed(settings.database_url)
    join = {"end_device_ids": {"device_id": "x"}, "join_accept": {}}
    with connect(settings.database_url) as connection:
        connection.execute(
            "INSERT INTO gateway (name, title, protocol) VALUES ('ttn', 'T', 'the-things-stack')"
        )
        feed.append(connection, "registry")
        one = replace(letter(join, "wrong-shape"), topic="gateways/ttn/v3/a/devices/x/up")
        queries_dead_letters.store_letters(connection, [one], "one")
    hypervisor(settings, "dead-letters", "replay")
    with connect(settings.database_url) as connection:
        assert not queries_dead_letters.list_letters(connection)
