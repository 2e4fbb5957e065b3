"""Messages as devices and network servers write them, read here as any reader of JSON would."""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simulators._encoding import encode_messages
from simulators._field import Field, Place
from simulators._publications import MessageSet, Publication
from simulators._scenarios import load_scenario
from simulators._simulation import measure_rows, simulate_messages
from simulators._world import World
from tests.unit.simulators.small import field, place

FIELD = field()


def no_skew(_place: Place, times: Any) -> Any:
    return np.zeros(len(times), dtype=np.int64)


@pytest.fixture(scope="module")
def said() -> MessageSet:
    return simulate_messages(load_scenario("october-flood"), FIELD, 1, hours=30)


def of(said: MessageSet, device: str) -> list[tuple[Publication, dict[str, tuple[Any, float]]]]:
    """The device's messages, each with its readings: time and value by quantity."""
    rows = said.rows
    mine = np.flatnonzero((rows["device"] == device).to_numpy())
    found: dict[int, dict[str, tuple[Any, float]]] = {}
    for i in mine:
        row = rows.iloc[i]
        found.setdefault(int(said.of[i]), {})[row["quantity"]] = (row["time"], row["value"])
    return [(said.publications[number], found[number]) for number in sorted(found)]


def test_every_reading_is_in_one_message_and_they_go_out_in_order(said: MessageSet) -> None:
    arrivals = [each.arrival for each in said.publications]
    assert arrivals == sorted(arrivals)
    assert sum(each.readings for each in said.publications) == len(said.rows) == len(said.of)
    counts = np.bincount(said.of, minlength=len(said.publications))
    assert counts.tolist() == [each.readings for each in said.publications]
    assert not said.rows.duplicated(["time", "device", "quantity"]).any()


def test_nothing_that_was_measured_is_left_out(said: MessageSet) -> None:
    rows = measure_rows(World(load_scenario("october-flood"), FIELD, 1, hours=30))
    told = set(zip(said.rows["device"], said.rows["quantity"], strict=True))
    assert told == set(zip(rows["device"], rows["quantity"], strict=True))
    assert len(said.rows) >= len(rows)


def test_the_same_seed_says_the_same(said: MessageSet) -> None:
    again = simulate_messages(load_scenario("october-flood"), FIELD, 1, hours=30)
    assert again.publications == said.publications
    assert again.rows.equals(said.rows)


def test_native_json(said: MessageSet) -> None:
    publication, readings = of(said, "rated-gauge-1")[0]
    loads = json.loads(publication.payload)
    assert publication.topic == "devices/rated-gauge-1/readings"
    assert loads["units"] == {"discharge": "m3/s", "level": "m", "surface_elevation": "m"}
    assert loads["values"] == {name: value for name, (_, value) in readings.items()}
    assert loads["time"] == "2024-10-08T00:00:00Z"


def test_a_radar_gauge_speaks_millimetres(said: MessageSet) -> None:
    publication, readings = of(said, "radar-gauge-1")[5]
    told = json.loads(publication.payload)
    assert told["units"]["level"] == "mm"
    assert told["values"]["level"] == pytest.approx(readings["level"][1] * 1000, abs=1e-9)
    assert told["values"]["level"] == int(told["values"]["level"])


def test_yes_and_no_are_written_so(said: MessageSet) -> None:
    publication, _ = of(said, "cabinet-controller-1")[0]
    told = json.loads(publication.payload)
    assert told["values"]["supply_loss"] is False
    assert "supply_loss" not in told["units"]


def test_a_concentrator_speaks_for_its_lamps(said: MessageSet) -> None:
    lamp = next(each for each in FIELD.places if each.device == "lamp-controller-0")
    publication, _ = of(said, lamp.device)[0]
    assert publication.topic == f"gateways/hub/devices/{lamp.address}/readings"
    assert "light_level" in json.loads(publication.payload)["values"]


def test_senml(said: MessageSet) -> None:
    publication, readings = of(said, "pressure-probe-1")[0]
    assert publication.topic == "devices/pressure-probe-1/senml"
    first, *others = json.loads(publication.payload)
    assert first["bn"] == "pressure-probe-1/"
    assert first["bt"] == readings["level"][0].timestamp()
    records = {record["n"]: (record["u"], record["v"]) for record in (first, *others)}
    assert records["level"] == ("m", readings["level"][1])
    assert records["battery"] == ("%EL", readings["battery"][1])


def test_chirpstack(said: MessageSet) -> None:
    compact = next(each for each in FIELD.places if each.model == "compact-station")
    every = of(said, compact.device)
    publication, readings = every[3]
    told = json.loads(publication.payload)
    assert publication.topic == (
        f"gateways/lora/application/territory/device/{compact.address}/event/up"
    )
    assert told["deviceInfo"]["devEui"] == compact.address
    assert told["fPort"] == 2
    assert len(base64.b64decode(told["data"])) == 16
    assert told["rxInfo"][0]["crcStatus"] == "CRC_OK"
    counters = [json.loads(each.payload)["fCnt"] for each, _ in every]
    assert np.diff(counters).tolist() == [1] * (len(every) - 1)
    assert len({json.loads(each.payload)["deduplicationId"] for each, _ in every}) == len(every)
    moment = datetime.fromisoformat(told["time"])
    assert {time for time, _ in readings.values()} == {pd.Timestamp(moment)}
    assert publication.arrival == round(moment.timestamp() * 1e6)


def test_the_network_server_decodes_a_bucket(said: MessageSet) -> None:
    publication, readings = of(said, "tipping-bucket-1")[-1]
    told = json.loads(publication.payload)
    assert told["object"] == {
        "rain_mm": pytest.approx(readings["rain"][1]),
        "battery_pct": readings["battery"][1],
    }


def test_the_things_stack(said: MessageSet) -> None:
    probe = next(each for each in FIELD.places if each.model == "air-probe")
    publication, readings = of(said, probe.device)[0]
    told = json.loads(publication.payload)
    assert publication.topic == "gateways/partner/v3/territory@partner/devices/air-probe-1/up"
    assert told["end_device_ids"]["dev_eui"] == probe.address.upper()
    uplink = told["uplink_message"]
    assert uplink["f_port"] == 1
    frame = base64.b64decode(uplink["frm_payload"])
    assert frame[:2].hex() == "0167"
    tenths = int.from_bytes(frame[2:4], signed=True)
    assert tenths / 10 == readings["air_temperature"][1]
    received = datetime.fromisoformat(uplink["received_at"])
    assert publication.arrival == round(received.timestamp() * 1e6)


def rows_of(device: str, told: dict[str, list[tuple[int, float]]]) -> pd.DataFrame:
    start = pd.Timestamp("2024-01-01T00:00:00Z").as_unit("us")
    rows = [
        (start + pd.Timedelta(minutes=at), device, name, "?", value, "ok")
        for name, pairs in told.items()
        for at, value in pairs
    ]
    columns = ["time", "device", "quantity", "unit", "value", "status"]
    return pd.DataFrame(rows, columns=columns).sort_values("time", kind="stable")


def frame_values(told: MessageSet, name: str) -> list[float]:
    return told.rows.loc[told.rows["quantity"] == name, "value"].tolist()


def test_a_frame_tells_what_is_known_and_counts_nothing_twice() -> None:
    """A battery told every hour is in every frame; a count is of its own interval only."""
    counter = place("path-counter")
    rows = rows_of(
        counter.device,
        {"bicycles": [(0, 3), (15, 4)], "pedestrians": [(0, 1), (30, 2)], "battery": [(15, 80)]},
    )
    told = encode_messages(rows, Field(places=(counter,)), 1, no_skew)
    assert len(told.publications) == 3
    assert frame_values(told, "bicycles") == [3, 4, 0]
    assert frame_values(told, "pedestrians") == [1, 0, 2]
    assert frame_values(told, "battery") == [80, 80, 80]


@pytest.mark.parametrize(
    ("model", "frames", "readings"), [("path-counter", 1, 3), ("compact-station", 2, 18)]
)
def test_a_sensor_without_a_value_is_said_or_silences_the_frame(
    model: str, frames: int, readings: int
) -> None:
    device = place(model)
    told = {name: [(0, 1.0), (15, 1.0)] for name in device.quantities}
    told["rain" if "rain" in told else "bicycles"][1] = (15, float("nan"))
    said = encode_messages(rows_of(device.device, told), Field(places=(device,)), 1, no_skew)
    assert len(said.publications) == frames
    assert len(said.rows) == readings
    words = said.rows.loc[said.rows["value"].isna(), "status"]
    assert set(words) <= {"No Sensor"}
    assert len(words) == frames - 1


@pytest.fixture(name="native")
def native_() -> Callable[[float, str], dict[str, Any]]:
    def told(value: float, status: str) -> dict[str, Any]:
        rows = rows_of("g", {"level": [(0, value)]}).assign(status=status)
        said = encode_messages(rows, Field(places=()), 1, no_skew)
        body: dict[str, Any] = json.loads(said.publications[0].payload)
        return body

    return told


def test_a_fault_is_said_in_the_device_s_own_word(
    native: Callable[[float, str], dict[str, Any]],
) -> None:
    assert native(float("nan"), "FALLO")["values"] == {"level": None}
    assert native(float("nan"), "FALLO")["status"] == {"level": "FALLO"}
    assert native(3.2, "saturated")["status"] == {"level": "saturated"}
    assert "status" not in native(3.2, "ok")
