"""A small field for tests of forms: gateways, devices behind them, and what they send."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from ingest.check import TimeTolerance, check
from ingest.decode import decode
from ingest.layout import Layouts
from ingest.letters import make_dead_letters
from ingest.library import Library
from ingest.message import Arrival, NewDeadLetter
from ingest.ports import Channel, CodecSource, Inventory
from ingest.route import Routes
from sensors._domain import catalogue

RECEIVED = 1_641_881_700_000_000  # 2022-01-11 06:15 UTC
TIME = "2022-01-11T06:14:58.123456789Z"
BELIEF = TimeTolerance(ahead=300_000_000, behind=400 * 86_400_000_000)
EUI = "a840411234567890"

DEVICES = {
    "station": ("lora", EUI, "compact-station", None),
    "probe": ("ttn", "70b3d57ed0001234", "air-probe", None),
    "bucket": ("lora", "a840410000000001", "tipping-bucket", None),
    "plain": ("lora", "a840410000000002", None, None),
    "named": ("lora", "a840410000000003", None, "nowhere"),
    "lamp": ("concentrator", "lamp-17", "lamp-controller", None),
    "mote": ("things", "urn:dev:ow:10e2073a01080063", "pressure-probe", None),
    "alone": (None, "urn:dev:mac:0024befffe804ff1", "pressure-probe", None),
}
QUANTITIES = ("air_temperature", "humidity", "level", "rain", "battery", "light_level")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What came of messages: values by device and quantity, qualities, times, letters."""

    values: dict[str, dict[str, float]]
    flags: dict[tuple[str, str], int]
    times: dict[str, list[int]]
    letters: list[NewDeadLetter]

    @property
    def reasons(self) -> list[str]:
        return [letter.reason for letter in self.letters]


def known(**own: CodecSource) -> Inventory:
    words = catalogue().quantities
    return Inventory(
        devices={
            device: {
                name: Channel(
                    series=100 * number + place,
                    unit=words[name].unit,
                    low=words[name].low,
                    high=words[name].high,
                )
                for place, name in enumerate(QUANTITIES)
            }
            for number, device in enumerate(DEVICES)
        },
        gateways={
            gateway: {
                key.lower(): device
                for device, (through, address, _, _) in DEVICES.items()
                if through == gateway
                for key in (device, address)
            }
            for gateway in ("lora", "ttn", "concentrator", "things")
        },
        addresses={device: address for device, (_, address, _, _) in DEVICES.items()},
        models={device: model for device, (_, _, model, _) in DEVICES.items() if model},
        codecs={device: codec for device, (_, _, _, codec) in DEVICES.items() if codec},
        own=own,
    )


def say(*messages: tuple[str, object], routes: Routes | None = None) -> Said:
    """Send messages (topic, JSON or bytes); what comes of them."""
    all_ = known()
    routes = routes or Routes(all_, Library())
    arrivals = [
        Arrival(
            topic=topic,
            payload=said if isinstance(said, bytes) else json.dumps(said).encode(),
            received_at=RECEIVED,
        )
        for topic, said in messages
    ]
    rows, refused = check(decode(arrivals, routes), Layouts(all_.devices), BELIEF)
    values: dict[str, dict[str, float]] = {}
    flags: dict[tuple[str, str], int] = {}
    times: dict[str, list[int]] = {}
    names = list(DEVICES)
    for series, time, _, value, quality in rows.tolist():
        device, quantity = names[series // 100], QUANTITIES[series % 100]
        values.setdefault(device, {})[quantity] = value
        times.setdefault(device, []).append(time)
        if quality:
            flags[device, quantity] = quality
    return Said(
        values=values,
        flags=flags,
        times=times,
        letters=make_dead_letters(refused, largest=1_048_576),
    )


def chirpstack(
    payload: bytes | None = None, *, eui: str = EUI, gateway: str = "lora", **more: Any
) -> tuple[str, dict[str, Any]]:
    """An uplink event as ChirpStack v4 sends it; `more` replaces or, with None, removes fields."""
    event: dict[str, Any] = {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": TIME,
        "deviceInfo": {"tenantId": "52f14cd4", "deviceName": "x", "devEui": eui, "tags": {}},
        "devAddr": "00189440",
        "fCnt": 4,
        "fPort": 2,
        "confirmed": False,
        "rxInfo": [
            {"gatewayId": "0016c001f153a14c", "nsTime": "2022-01-11T06:14:59Z", "rssi": -48}
        ],
        "txInfo": {"frequency": 867100000},
    }
    if payload is not None:
        event["data"] = base64.b64encode(payload).decode()
    event = {name: value for name, value in (event | more).items() if value is not None}
    return f"gateways/{gateway}/application/7/device/{eui}/event/up", event


def the_things_stack(
    payload: bytes = b"", port: int = 1, **more: Any
) -> tuple[str, dict[str, Any]]:
    """An uplink message as The Things Stack v3 sends it; `more` replaces fields of the uplink."""
    uplink: dict[str, Any] = {
        "session_key_id": "AXA50",
        "f_port": port,
        "f_cnt": 1,
        "frm_payload": base64.b64encode(payload).decode(),
        "rx_metadata": [{"gateway_ids": {"gateway_id": "gtw1"}, "rssi": -35}],
        "received_at": TIME,
    }
    uplink = {name: value for name, value in (uplink | more).items() if value is not None}
    return "gateways/ttn/v3/app@ttn/devices/dev1/up", {
        "end_device_ids": {"device_id": "dev1", "dev_eui": "70B3D57ED0001234"},
        "correlation_ids": ["as:up:01E0WZGT6Y7657CPFPE5WEYDSQ"],
        "received_at": "2022-01-11T06:14:59.5Z",
        "uplink_message": uplink,
    }
