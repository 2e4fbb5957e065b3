"""What a topic says: in which form its messages come, and who may speak there."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from ingest.chirpstack import read_chirpstack
from ingest.codec import Codec
from ingest.library import Library
from ingest.meaning import value_of
from ingest.message import Arrival, Envelope, Reason
from ingest.ports import Known
from ingest.reply import Refusal, Reply, UnusableError, Value, unusable
from ingest.senml import Record, read_pack
from ingest.speaker import Speakers
from ingest.the_things_stack import read_the_things_stack
from ingest.uplink import Uplink

_MOST = 50_000  # topics remembered
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Read = Callable[[Arrival], Reply]


class Route(msgspec.Struct, frozen=True, gc=False):
    """`device`: who speaks, in native JSON; unless `read` makes something of a message itself."""

    device: str
    read: Read | None = None


class Routes:
    """Of all topics met so far. Forgotten when the registry changes; the library stays."""

    def __init__(self, known: Known, library: Library) -> None:
        self._known, self._library = known, library
        self._speakers = Speakers(known)
        self._routes: dict[str, Route] = {}
        self.get = self._routes.get

    def add(self, topic: str) -> Route:
        """The route of a topic not met before."""
        if len(self._routes) >= _MOST:
            self._routes.clear()
        try:
            route = self._route(topic)
        except UnusableError as error:
            route = Route("", functools.partial(_refused, error.refusal))
        self._routes[topic] = route
        return route

    def _route(self, topic: str) -> Route:
        match topic.split("/"):
            case ["devices", device, "senml"]:
                return Route(device, functools.partial(self._senml, "", device))
            case ["gateways", gateway, "devices", address, "readings"]:
                return Route(self._speakers.of_gateway(gateway, (address,)))
            case ["gateways", gateway, "senml"]:
                self._speakers.devices(gateway)
                return Route("", functools.partial(self._senml, gateway, ""))
            case ["gateways", gateway, "application", _, "device", _, "event", "up"]:
                self._speakers.devices(gateway)
                return Route("", functools.partial(self._uplink, gateway, read_chirpstack))
            case ["gateways", gateway, "v3", _, "devices", _, "up"]:
                self._speakers.devices(gateway)
                return Route("", functools.partial(self._uplink, gateway, read_the_things_stack))
            case ["gateways", *_]:
                raise unusable(Reason.WRONG_SHAPE, f"no form of message has the topic {topic!r}")
        return Route(topic.removeprefix("devices/").removesuffix("/readings"))

    # -- uplinks --------------------------------------------------------------------------------

    def _uplink(
        self, gateway: str, parse: Callable[[bytes], Uplink | None], arrival: Arrival
    ) -> Reply:
        device = ""
        try:
            uplink = parse(arrival.payload)
            if uplink is None:
                return Reply()
            device = self._speakers.of_gateway(gateway, uplink.addresses)
            if uplink.silent:
                return Reply()
            read = self._library.of_device(device, self._known).read(
                uplink,
                device=device,
                has=self._known.devices.get(device, {}),
                variables=self._known.variables.get(device),
            )
        except UnusableError as error:
            return _refused(error.refusal, arrival, device)
        said = []
        if read.values:
            envelope = Envelope(
                time=uplink.time,
                values=read.values,
                units=read.units or None,
                status=read.status or None,
            )
            said.append((device, envelope))
        return Reply(
            said=said,
            refused=[each.of(arrival, device) for each in read.refused],
            warnings=read.warnings,
        )

    # -- SenML ----------------------------------------------------------------------------------

    def _senml(self, gateway: str, device: str, arrival: Arrival) -> Reply:
        """Records of one device and time make one object, in the order they come."""
        try:
            pack = read_pack(arrival.payload, received_at=arrival.received_at)
        except UnusableError as error:
            return _refused(error.refusal, arrival, device)
        objects: dict[tuple[str, int], tuple[dict[str, Value], dict[str, str]]] = {}
        reply = Reply()
        for record in pack:
            try:
                of, field = (
                    self._speakers.of_name(gateway, record.name)
                    if gateway
                    else (device, self._speakers.field(device, record.name))
                )
                quantity, value, unit = self._meant(of, field, record)
            except UnusableError as error:
                reply.refused.append(error.refusal.of(arrival, device))
                continue
            values, units = objects.setdefault((of, record.time), ({}, {}))
            values[quantity] = value
            if unit is not None:
                units[quantity] = unit
        for (of, time), (values, units) in objects.items():
            when = _EPOCH + timedelta(microseconds=time)
            reply.said.append((of, Envelope(time=when, values=values, units=units or None)))
        return reply

    def _meant(self, device: str, field: str, record: Record) -> tuple[str, Value, str | None]:
        """The quantity, value and unit of a record: as the device's mapping says, or its name."""
        codec = self._library.of_device(device, self._known)
        meaning = codec.mapping.fields.get(field) if isinstance(codec, Codec) else None
        has = self._known.devices.get(device, {})
        if meaning is not None:
            value = value_of(meaning, field, record.value)
            return meaning.quantity, value, meaning.unit or record.unit
        tail = field
        while tail not in has and any(mark in tail for mark in "/:"):
            tail = tail[min(at for at in (tail.find("/"), tail.find(":")) if at >= 0) + 1 :]
        quantity = tail if tail in has else field
        if isinstance(record.value, str):
            raise unusable(
                Reason.BAD_VALUE, f"{field!r} is the text {record.value[:60]!r}, no number"
            )
        return quantity, record.value, record.unit


def _refused(refusal: Refusal, arrival: Arrival, device: str = "") -> Reply:
    return Reply(refused=[refusal.of(arrival, device)])
