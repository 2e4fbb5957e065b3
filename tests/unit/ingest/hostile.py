"""Hostile messages by the thousand: good ones of every form, each with a slip, a lie or a bomb.

Objects are lists of pairs here, so that a name can stand twice. What a message says is known
(`truth`), so that nothing else may be stored of it as good.
"""

import base64
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

MOTE = "urn:dev:ow:10e2073a01080063"
EVENT = "gateways/lora/application/7/device/x/event/up"
UP = "gateways/ttn/v3/app@ttn/devices/x/up"
LPP = bytes.fromhex("01670110026884030222c4")  # 27.2 Cel, 66 %, 89 %
NUMBERS = ("1e999", "-1e999", "NaN", "Infinity", "9" * 400, "1e308", "-1e308", "-0.0", "5e-324")
TIMES: tuple[Any, ...] = (
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "0000-00-00T00:00:00Z", "", "now"),
    *("1969-12-31T23:59:60Z", "2022-02-30T00:00:00Z", "2022-01-11T06:15:00", "12:00", "٢٠٢٢"),
    *(0, -1, 1e300, -1e300, 2**63, 1_641_881_700, 1_641_881_700_000, None, True, [], {}),
)
JUNK: tuple[Any, ...] = (
    None,
    True,
    False,
    "",
    "4",
    "NaN",
    "ok",
    [],
    {},
    [1],
    {"a": 1},
    0,
    -1,
    1e308,
    2**64,
)
FAULTY = (("alone", "humidity"), ("lamp", "battery"))  # as their status says
ODD_NAMES = ("", " ", "\u0000", "é", "level ", "Level", "__proto__", "x" * 5000, "a.b", '"')


class Pairs(list[Any]):
    """A JSON object as (name, value) pairs."""


class Raw(str):
    """A token of JSON as it stands, good or not."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Message:
    """`truth`: by device and quantity the value that may be stored as good; all others may not.

    `nothing`: not one reading may be stored of it. `at`: when a good message was measured, all of
    whose truth must be stored.
    """

    topic: str
    payload: bytes
    truth: dict[tuple[str, str], float] = field(default_factory=dict)
    nothing: bool = False
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form: its topic and body, and which of its names have look-alikes that must be refused."""

    topic: str
    body: Any
    truth: dict[tuple[str, str], float]
    slips: Callable[[random.Random, str], str]


def pairs(**fields: Any) -> Pairs:
    return Pairs(fields.items())


def forms(at: datetime, mote: str = MOTE) -> list[Form]:
    """A good message of each form, measured at a time."""
    time, seconds = at.isoformat(), at.timestamp()
    native = pairs(
        time=time,
        values=pairs(level=4000.0, battery=88, humidity=55),
        units=pairs(level="mm"),
        status=pairs(level="ok", humidity="FALLO"),
    )
    lamp = pairs(time=time, values=pairs(light_level=70, battery=50), status=pairs(battery="low"))
    records = [
        pairs(bn="", bt=seconds, n="level", u="mm", v=4000),
        pairs(n="battery", u="/", v=0.88),
    ]
    own, behind = [[Pairs(record) for record in records] for _ in range(2)]
    own[0][0], behind[0][0] = ("bn", "alone/"), ("bn", f"{mote}:")
    event = pairs(
        time=time,
        deviceInfo=pairs(devEui="a840410000000001"),
        fCnt=4,
        fPort=2,
        data="AQ==",
        object=pairs(rain_mm=0.2, battery_pct=87),
    )
    up = pairs(
        end_device_ids=pairs(device_id="dev1", dev_eui="70B3D57ED0001234"),
        received_at=time,
        uplink_message=pairs(
            f_port=1, frm_payload=base64.b64encode(LPP).decode(), received_at=time
        ),
    )
    level, battery = 4.0, 88.0
    readings = "gateways/concentrator/devices/lamp-17/readings"
    return [
        Form(
            topic="devices/alone/readings",
            body=native,
            truth={("alone", "level"): level, ("alone", "battery"): battery},
            slips=misspelt,
        ),
        Form(topic=readings, body=lamp, truth={("lamp", "light_level"): 70.0}, slips=misspelt),
        Form(
            topic="devices/alone/senml",
            body=own,
            truth={("alone", "level"): level, ("alone", "battery"): battery},
            slips=looking_alike,
        ),
        Form(
            topic="gateways/things/senml",
            body=behind,
            truth={("mote", "level"): level, ("mote", "battery"): battery},
            slips=looking_alike,
        ),
        Form(
            topic=EVENT,
            body=event,
            truth={("bucket", "rain"): 0.2, ("bucket", "battery"): 87.0},
            slips=misspelt,
        ),
        Form(
            topic=UP,
            body=up,
            truth={
                ("probe", "air_temperature"): 27.2,
                ("probe", "humidity"): 66.0,
                ("probe", "battery"): 89.0,
            },
            slips=misspelt,
        ),
    ]


def good(form: Form) -> Message:
    return Message(topic=form.topic, payload=dump(form.body).encode(), truth=form.truth)


def dump(value: Any) -> str:
    """As JSON, twice what is there twice."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(name)}:{dump(each)}" for name, each in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value)


def misspelt(chance: random.Random, name: str) -> str:
    """A name with a slip of the finger, a wrong case, a mark."""
    place = chance.randrange(len(name)) if name else 0
    return chance.choice(
        [
            name[:place] + name[place + 1 :],
            name[:place] + chance.choice("aeixz_") + name[place:],
            name[:place]
            + name[place + 1 : place + 2]
            + name[place : place + 1]
            + name[place + 2 :],
            name.title(),
            name + chance.choice([" ", "s", "\u0000", "_"]),
            chance.choice(ODD_NAMES),
        ]
    )


def looking_alike(chance: random.Random, name: str) -> str:
    """A name of SenML as people write it who do not know SenML; others must be passed over."""
    long = {"n": "name", "u": "unit", "v": "value", "bn": "Base Name", "bt": "base_time"}
    return chance.choice([name.upper(), long.get(name, name.upper()), f"{name}_"])


def places(value: Any) -> Iterator[tuple[list[Any], int]]:
    """Every member of every object and array within a body."""
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield value, place
            yield from places(each[1] if isinstance(value, Pairs) else each)


def copied(value: Any) -> Any:
    if isinstance(value, Pairs):
        return Pairs((name, copied(each)) for name, each in value)
    return [copied(each) for each in value] if isinstance(value, list) else value


def hostile(chance: random.Random, form: Form) -> Message:
    """One message made of a good one."""
    make = chance.choice([rename, double, exchange, exchange, drop, bend_time, break_bytes, swell])
    return make(chance, replace(form, body=copied(form.body)))


def members(form: Form) -> list[tuple[Pairs, int]]:
    return [(where, n) for where, n in places(form.body) if isinstance(where, Pairs)]


def rename(chance: random.Random, form: Form) -> Message:
    where, place = chance.choice(members(form))
    name, value = where[place]
    where[place] = (form.slips(chance, name), value)
    return good(form)


def double(chance: random.Random, form: Form) -> Message:
    """A name a second time, before or behind, with another value or the same."""
    where, place = chance.choice(members(form))
    name, value = where[place]
    other = chance.choice([value, 7, "7", None, "m", True])
    escaped = chance.random() < 0.3
    where.insert(chance.randint(0, len(where)), (name, other))
    text = dump(form.body)
    if escaped:  # the same name, written otherwise
        text = text.replace(f'"{name}":', '"' + "".join(f"\\u{ord(c):04x}" for c in name) + '":', 1)
    return Message(topic=form.topic, payload=text.encode(), nothing=True)


def exchange(chance: random.Random, form: Form) -> Message:
    """Another value somewhere; whatever is said then, only numbers may be stored."""
    where, place = chance.choice(list(places(form.body)))
    value = chance.choice([*JUNK, *map(Raw, NUMBERS)])
    name = where[place][0] if isinstance(where, Pairs) else ""
    where[place] = (name, value) if isinstance(where, Pairs) else value
    return replace(good(form), truth=dict.fromkeys([*form.truth, *FAULTY], float("nan")))


def drop(chance: random.Random, form: Form) -> Message:
    """A member less, but a unit or a status: nobody can know that it was there."""
    kept = ("u", "units", "status", "level", "humidity", "battery", "mm")
    found = [(where, n) for where, n in members(form) if where[n][0] not in kept]
    where, place = chance.choice(found)
    del where[place]
    return good(form)


def bend_time(chance: random.Random, form: Form) -> Message:
    for where, place in members(form):
        if where[place][0] in ("time", "bt", "received_at"):
            where[place] = (where[place][0], chance.choice(TIMES))
    return good(form)


def break_bytes(chance: random.Random, form: Form) -> Message:
    """Bytes cut, bent, put in front of or behind; a bit that turns may turn a number, too."""
    raw = dump(form.body).encode()
    place = chance.randrange(1, len(raw))
    bent = chance.choice(
        [
            raw[:place],
            raw[place:],
            raw[:place] + bytes([chance.randrange(128, 256)]) + raw[place:],
            b"\xef\xbb\xbf" + raw,
            raw + chance.choice([b"\x00", b"{}", b",", b"]"]),
            raw.decode().encode("utf-16"),
            chance.randbytes(chance.randrange(60)),
            b"",
        ]
    )
    return Message(topic=form.topic, payload=bent, nothing=True)


def swell(chance: random.Random, form: Form) -> Message:
    """Too much of it: of bytes, of depth, of objects, of values."""
    raw = dump(form.body).encode()
    bent = chance.choice(
        [
            raw + b" " * 1_048_577,
            b"[" * 50_000 + raw,
            b'{"a":' * 50_000 + raw,
            b"[" + b",".join([b"{}"] * 20_001) + b"]",
            raw[:-1] + b',"x":' + b"[" * 2_000 + b"]" * 2_000 + raw[-1:],
        ]
        if chance.random() < 0.1  # each costs a hundred others
        else [b"[" + raw + b"]" * 2, b"[[" + raw + b"]]", b"[]", b"{}", b"[{}]", b"null", b"0"]
    )
    loose = bent.endswith(raw[-1:]) and b'"x":' in bent and form.topic in (EVENT, UP)
    return Message(topic=form.topic, payload=bent, nothing=not loose, truth=form.truth)


def measures_nothing(message: Message) -> bool:
    """Whether the contract has such a message pass without a word: only uplinks can."""
    if not message.topic.endswith("/up"):
        return False
    loads = json.loads(message.payload)
    if "/v3/" in message.topic:
        other = [name for name in loads if name.startswith(("join", "down", "location", "service"))]
        loads = loads.get("uplink_message")
        if loads is None:
            return bool(other)
        data, made, port = (loads.get(n) for n in ("frm_payload", "decoded_payload", "f_port"))
    else:
        data, made, port = loads.get("data"), loads.get("object"), loads.get("fPort")
    return not made and (not data or port == 0)


def stream(seed: int, count: int, *, at: datetime, mote: str = MOTE) -> Iterator[Message]:
    """Messages of all forms, each of another time; every fifth is good."""
    chance = random.Random(seed)
    for number in range(count):
        then = at - timedelta(seconds=number)
        form = chance.choice(forms(then, mote))
        yield hostile(chance, form) if number % 5 else replace(good(form), at=then)
