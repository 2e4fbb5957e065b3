"""What a topic says: in which form its messages come, and who may speak there."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from ingest.acknowledgement import read_acknowledgement
from ingest.chirpstack import read_chirpstack
from ingest.codec import Codec
from ingest.downlink_events import (
    DownlinkEvent,
    read_chirpstack_event,
    read_the_things_stack_event,
)
from ingest.library import Library
from ingest.meaning import parse_value
from ingest.message import (
    LONGEST_TOPIC,
    UNSTAMPED,
    Acknowledgement,
    Arrival,
    Envelope,
    Reason,
)
from ingest.ports import Inventory
from ingest.reply import Refusal, Reply, UnusableError, Value, unusable
from ingest.senml import Record, read_pack
from ingest.speaker import Senders
from ingest.the_things_stack import read_the_things_stack
from ingest.topics import CHIRPSTACK_EVENTS, THE_THINGS_STACK_EVENTS
from ingest.uplink import Uplink

_LAST = re.compile(r"[/:]")
_MOST = 50_000  # topics remembered
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Parser = Callable[[Arrival], Reply]


class Route(msgspec.Struct, frozen=True, gc=False):
    """`device`: who speaks, in native JSON; unless `read` makes something of a message itself."""

    device: str
    read: Parser | None = None


class Routes:
    """Of all topics met so far. Forgotten when the registry changes; the library stays."""

    def __init__(self, inventory: Inventory, library: Library) -> None:
        self._inventory, self._library = inventory, library
        self._speakers = Senders(inventory)
        self._routes: dict[str, Route] = {}
        self.get = self._routes.get

    def add(self, topic: str) -> Route:
        """The route of a topic not met before."""
        if len(self._routes) >= _MOST:
            self._routes.clear()
        try:
            route = self._route(topic)
        except UnusableError as error:
            route = Route("", functools.partial(_make_refusal, error.refusal))
        if len(topic) <= LONGEST_TOPIC:
            self._routes[topic] = route
        return route

    def _route(self, topic: str) -> Route:
        if len(topic) > LONGEST_TOPIC:
            raise unusable(
                Reason.TOO_LARGE,
                "a topic of {count} characters; at most {number} are read",
                len(topic),
                LONGEST_TOPIC,
            )
        match topic.split("/"):
            case ["devices", device, "senml"]:
                return Route(device, functools.partial(self._senml, "", device))
            case ["devices", device, "commands", key, "ack"]:
                return Route(device, functools.partial(self._acknowledgement, device, key))
            case ["gateways", gateway, *rest]:
                return self._gateway_route(topic, gateway, rest)
        return Route(topic.removeprefix("devices/").removesuffix("/readings"))

    def _gateway_route(self, topic: str, gateway: str, rest: list[str]) -> Route:
        match rest:
            case ["devices", address, "readings"]:
                return Route(self._speakers.of_gateway(gateway, (address,)))
            case ["senml"]:
                read: Parser = functools.partial(self._senml, gateway, "")
            case ["application", _, "device", _, "event", "up"]:
                read = functools.partial(self._uplink, gateway, read_chirpstack)
            case ["v3", _, "devices", _, "up"]:
                read = functools.partial(self._uplink, gateway, read_the_things_stack)
            case ["application", _, "device", _, "event", event] if event in CHIRPSTACK_EVENTS:
                parse = functools.partial(read_chirpstack_event, event)
                read = functools.partial(self._downlink_event, gateway, parse)
            case ["v3", _, "devices", _, "down", event] if event in THE_THINGS_STACK_EVENTS:
                parse = functools.partial(read_the_things_stack_event, event)
                read = functools.partial(self._downlink_event, gateway, parse)
            case _:
                raise unusable(
                    Reason.WRONG_SHAPE, "no form of message has the topic {topic!r}", topic
                )
        self._speakers.devices(gateway)
        return Route("", read)

    @staticmethod
    def _acknowledgement(device: str, key: str, arrival: Arrival) -> Reply:
        try:
            return read_acknowledgement(device, key, arrival)
        except UnusableError as error:
            return _make_refusal(error.refusal, arrival, device)

    def _downlink_event(
        self, gateway: str, parse: Callable[[bytes], DownlinkEvent | None], arrival: Arrival
    ) -> Reply:
        try:
            if arrival.received_at == UNSTAMPED:
                raise unusable(Reason.NO_STAMP, "not sent by the exercise's player")
            event = parse(arrival.payload)
            if event is None:
                return Reply()
            device = self._speakers.of_gateway(gateway, event.addresses)
        except UnusableError as error:
            return _make_refusal(error.refusal, arrival)
        acknowledgement = Acknowledgement(
            device=device,
            key=event.key,
            state=event.state,
            reason=event.reason,
            arrival=arrival,
            relayed=True,
        )
        return Reply(acknowledgements=[acknowledgement])

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
            parsed = self._library.of_device(device, self._inventory).read(
                uplink,
                device=device,
                has=self._inventory.devices.get(device, {}),
                variables=self._inventory.variables.get(device),
            )
        except UnusableError as error:
            return _make_refusal(error.refusal, arrival, device)
        self._library.tell_unmapped(device, parsed.left)
        envelopes = []
        if parsed.values:
            envelope = Envelope(
                time=uplink.time,
                values=parsed.values,
                units=parsed.units or None,
                status=parsed.status or None,
            )
            envelopes.append((device, envelope))
        return Reply(
            envelopes=envelopes,
            refused=[refusal.of(arrival, device) for refusal in parsed.refused],
            warnings=parsed.warnings,
        )

    # -- SenML ----------------------------------------------------------------------------------

    def _senml(self, gateway: str, device: str, arrival: Arrival) -> Reply:
        """Records of one device and time make one object, in the order they come."""
        try:
            pack = read_pack(arrival.payload, received_at=arrival.received_at)
        except UnusableError as error:
            return _make_refusal(error.refusal, arrival, device)
        reply = Reply()
        by_quantity: dict[tuple[str, int, str], list[_Interpreted]] = {}
        for record in pack:
            try:
                owner, fields = device, self._speakers.fields(device, record.name)
                if gateway:
                    owner, field = self._speakers.of_name(gateway, record.name)
                    fields = (field,)
                interpreted = self._interpret(owner, fields, record)
            except UnusableError as error:
                reply.refused.append(error.refusal.of(arrival, device))
            else:
                by_quantity.setdefault((owner, record.time, interpreted.quantity), []).append(
                    interpreted
                )
        objects: dict[tuple[str, int, int], list[_Interpreted]] = {}
        for (owner, time, _), candidates in by_quantity.items():
            try:
                selected = _select_records(candidates)
            except UnusableError as error:
                reply.refused.append(error.refusal.of(arrival, owner))
                continue
            for place, interpreted in enumerate(
                selected
            ):  # a second value of one time is a second object
                objects.setdefault((owner, time, place), []).append(interpreted)
        for (owner, time, _), interpreted_records in objects.items():
            reply.envelopes.append((owner, _make_envelope(time, interpreted_records)))
        return reply

    def _interpret(self, device: str, fields: tuple[str, ...], record: Record) -> "_Interpreted":
        """What a record says: as the device's mapping has it, or else by a quantity's own name."""
        codec = self._library.of_device(device, self._inventory)
        mapped = codec.mapping.fields if isinstance(codec, Codec) else {}
        has = self._inventory.devices.get(device, {})
        for field in fields:
            meaning = mapped.get(field)
            if meaning is not None:
                return _Interpreted(
                    name=record.name,
                    quantity=meaning.quantity,
                    value=parse_value(meaning, field, record.value),
                    # a curve makes another thing of it than the record's unit is of
                    unit=meaning.unit or (None if meaning.curve else record.unit),
                    rank=list(mapped).index(field),
                )
        if isinstance(record.value, str):
            raise unusable(
                Reason.BAD_VALUE,
                "{field!r} is the text {value!r}, no number",
                fields[-1],
                record.value[:60],
            )
        names = (*fields, _LAST.split(fields[-1])[-1])
        quantity = next((name for name in names if name in has), fields[-1])
        return _Interpreted(
            name=record.name, quantity=quantity, value=record.value, unit=record.unit
        )


@dataclass(frozen=True, kw_only=True)
class _Interpreted:
    """A record that is understood. `rank`: its field's place in the mapping, if that has it."""

    name: str
    quantity: str
    value: Value
    unit: str | None
    rank: int | None = None


def _select_records(candidates: list[_Interpreted]) -> list[_Interpreted]:
    """Which of a device's records of one quantity and time stand.

    Of fields that a mapping has for one quantity the first that has a value. A record that is
    there twice is two values, of which the store keeps both.

    Raises:
        UnusableError: two records are different sensors, and nothing tells which it is.
    """
    ranks = [meant.rank for meant in candidates if meant.rank is not None]
    if len(ranks) == len(candidates):
        best = min(
            (r.rank for r in candidates if r.rank is not None and r.value is not None),
            default=min(ranks),
        )
        return [meant for meant in candidates if meant.rank == best]
    names = list(dict.fromkeys(meant.name for meant in candidates))
    if len(names) > 1:
        raise unusable(
            Reason.WRONG_SHAPE,
            "{name!r} and {other!r} would both be {quantity!r}: a mapping can tell them apart",
            names[0],
            names[1],
            candidates[0].quantity,
        )
    return candidates


def _make_envelope(time: int, records: list[_Interpreted]) -> Envelope:
    return Envelope(
        time=_EPOCH + timedelta(microseconds=time),
        values={meant.quantity: meant.value for meant in records},
        units={meant.quantity: meant.unit for meant in records if meant.unit is not None} or None,
    )


def _make_refusal(refusal: Refusal, arrival: Arrival, device: str = "") -> Reply:
    return Reply(refused=[refusal.of(arrival, device)])
