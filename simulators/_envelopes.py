"""Messages of network servers around frames: ChirpStack v4 and The Things Stack v3.

Radio and identities are made up, the same for the same device and seed.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators._field import Place
from simulators._random import chance_of

APPLICATION = "territory"
TENANT = "52f14cd4-c6f1-4fbd-8f87-4025e1d49242"
TEST_ADDRESSES = 0xE000_0000  # of a device's address on the air: a network for trials
# EU868: the channels that every gateway listens to; slower frames reach farther.
CHANNELS = (868_100_000, 868_300_000, 868_500_000)
RATES = ((5, 7), (4, 8), (3, 9), (2, 10))  # data rate, spreading factor


@dataclass(frozen=True, kw_only=True)
class SentFrames:
    """The frames of a device with their times of receipt (RFC 3339, UTC)."""

    place: Place
    port: int
    frames: Sequence[bytes]
    times: Sequence[str]
    readable: Sequence[Mapping[str, float]] | None
    seed: int


@dataclass(frozen=True, kw_only=True)
class _Radio:
    """Radio of a device, and of each of its frames."""

    address: str
    rate: int
    factor: int
    counters: NDArray[np.int64]
    frequencies: NDArray[np.int64]
    strength: NDArray[np.int64]
    clearness: NDArray[np.float64]
    identities: list[str]


def chirpstack(sent: SentFrames) -> Iterator[bytes]:
    """Uplink events, in JSON as the MQTT integration publishes them."""
    radio = _radio(sent)
    eui = sent.place.address
    fixed = json.dumps(
        {
            "tenantId": TENANT,
            "tenantName": "Territory",
            "applicationId": _uuid(chance_of(0, APPLICATION)),
            "applicationName": APPLICATION,
            "deviceProfileId": _uuid(chance_of(0, sent.place.model)),
            "deviceProfileName": sent.place.model,
            "deviceName": sent.place.device,
            "devEui": eui,
            "deviceClassEnabled": "CLASS_A",
            "tags": {},
        },
        separators=(",", ":"),
    )
    modulation = (
        f'{{"lora":{{"bandwidth":125000,"spreadingFactor":{radio.factor},"codeRate":"CR_4_5"}}}}'
    )
    for i, frame in enumerate(sent.frames):
        decoded = ""
        if sent.readable is not None:
            decoded = f'"object":{json.dumps(sent.readable[i], separators=(",", ":"))},'
        time = sent.times[i]
        frequency = int(radio.frequencies[i])
        yield (
            f'{{"deduplicationId":"{radio.identities[i]}","time":"{time}+00:00",'
            f'"deviceInfo":{fixed},"devAddr":"{radio.address}","adr":true,"dr":{radio.rate},'
            f'"fCnt":{radio.counters[i]},"fPort":{sent.port},"confirmed":false,'
            f'"data":"{base64.b64encode(frame).decode()}",{decoded}'
            f'"rxInfo":[{{"gatewayId":"02e55e00000000a1","uplinkId":{radio.counters[i] * 7 + 11},'
            f'"gwTime":"{time}+00:00","nsTime":"{time}+00:00","rssi":{radio.strength[i]},'
            f'"snr":{radio.clearness[i]},"channel":{CHANNELS.index(frequency)},'
            '"location":{"latitude":48.6328,"longitude":2.4405},"context":"AAAAAA==",'
            f'"metadata":{{"region_config_id":"eu868"}},"crcStatus":"CRC_OK"}}],'
            f'"txInfo":{{"frequency":{frequency},"modulation":{modulation}}},'
            '"regionConfigId":"eu868"}'
        ).encode()


def the_things_stack(sent: SentFrames) -> Iterator[bytes]:
    """Uplink messages, in JSON as the MQTT server publishes them."""
    radio = _radio(sent)
    identity: dict[str, Any] = {
        "device_id": things_stack_id(sent.place),
        "application_ids": {"application_id": APPLICATION},
        "dev_eui": sent.place.address.upper(),
        "join_eui": "02E55E00000000FF",
        "dev_addr": radio.address.upper(),
    }
    fixed = json.dumps(identity, separators=(",", ":"))
    rate = (
        f'{{"lora":{{"bandwidth":125000,"spreading_factor":{radio.factor},"coding_rate":"4/5"}}}}'
    )
    for i, frame in enumerate(sent.frames):
        decoded = ""
        if sent.readable is not None:
            decoded = f'"decoded_payload":{json.dumps(sent.readable[i], separators=(",", ":"))},'
        time = sent.times[i]
        yield (
            f'{{"end_device_ids":{fixed},'
            f'"correlation_ids":["gs:uplink:{radio.identities[i]}"],"received_at":"{time}Z",'
            f'"uplink_message":{{"session_key_id":"AZLmVw==","f_port":{sent.port},'
            f'"f_cnt":{radio.counters[i]},"frm_payload":"{base64.b64encode(frame).decode()}",{decoded}'
            '"rx_metadata":[{"gateway_ids":{"gateway_id":"partner-roof","eui":"02E55E00000000B1"},'
            f'"time":"{time}Z","timestamp":{radio.counters[i] * 977 % 4294967296},'
            f'"rssi":{radio.strength[i]},"channel_rssi":{radio.strength[i]},'
            f'"snr":{radio.clearness[i]},"received_at":"{time}Z"}}],'
            f'"settings":{{"data_rate":{rate},"frequency":"{radio.frequencies[i]}"}},'
            f'"received_at":"{time}Z","consumed_airtime":"0.061696s",'
            '"network_ids":{"net_id":"000013","tenant_id":"partner","cluster_id":"eu1"}}}'
        ).encode()


def things_stack_id(place: Place) -> str:
    """The device id of The Things Stack: small letters, digits, dashes."""
    return place.device.lower().replace("_", "-")


def _radio(sent: SentFrames) -> _Radio:
    chance = chance_of(sent.seed, sent.place.device, "radio")
    count = len(sent.frames)
    rate, factor = RATES[min(int(chance.exponential(0.8)), len(RATES) - 1)]
    near = chance.normal(-70 - 11 * (factor - 6), 5)
    raw = chance.bytes(16 * count).hex()
    return _Radio(
        address=f"{TEST_ADDRESSES + int(chance.integers(1 << 24)):08x}",
        rate=rate,
        factor=factor,
        counters=int(chance.integers(40_000)) + np.arange(count),
        frequencies=np.array(CHANNELS)[chance.integers(0, len(CHANNELS), count)],
        strength=np.round(chance.normal(near, 3, count)).astype(np.int64),
        clearness=np.round(chance.normal(12 - 2.5 * (factor - 6), 1.5, count) * 4) / 4,
        identities=[_format_uuid(raw[i : i + 32]) for i in range(0, len(raw), 32)],
    )


def _uuid(chance: np.random.Generator) -> str:
    return _format_uuid(chance.bytes(16).hex())


def _format_uuid(digits: str) -> str:
    """Thirty-two hexadecimal digits as a random UUID (version 4)."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
