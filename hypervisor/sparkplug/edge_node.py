"""An edge node: its birth certificates, what its aliases mean, and its sequence."""

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hypervisor.sparkplug.payload import Metric, Payload, convert_value, read_payload
from ingest.decode import LARGEST
from ingest.message import Arrival, Reason, Refused
from ingest.reply import UnusableError, unusable
from sensors._row import LATEST

ROOT = "spBv1.0"
TYPES = ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH")
_SEQUENCE = 256
_REMEMBERED = 256  # messages of a node that are known again
_MOST_DEFINED = 100_000  # metrics of a node
_EARLIEST = 2**28 * 1000  # ms: SenML takes what is below for a time relative to receipt
_SESSION = "bdSeq"
# What is about the node, not measured.
_OWN = ("Node Control/", "Device Control/", "Node Info/", "Properties/", "_types_/")
_NO_NAME = re.compile(r"[^A-Za-z0-9\-:./_]")
_LONGEST_NAME = 400  # characters


@dataclass(frozen=True, kw_only=True)
class Topic:
    """`spBv1.0/<group>/<type>/<node>[/<device>]`."""

    group: str
    type: str
    node: str
    device: str = ""

    @property
    def changes_session(self) -> bool:
        """Whether aliases may mean something else from here on."""
        return self.type.endswith(("BIRTH", "DEATH"))


def parse_topic(text: str) -> Topic | None:
    """None: it is no topic of an edge node's data."""
    match text.split("/"):
        case [root, group, kind, node, *device] if root == ROOT and kind in TYPES:
            if len(device) == (kind[0] == "D"):
                return Topic(group=group, type=kind, node=node, device="".join(device))
    return None


class Definitions(msgspec.Struct):
    """What a birth certificate says: datatypes by name, names by alias."""

    datatypes: dict[str, int | None] = {}
    aliases: dict[int, str] = {}


class Certificates(msgspec.Struct):
    """What must outlive the bridge. `definitions` by device, "": of the node itself.

    `seq`: of the last message. `recent`: digests of the last messages.
    """

    group: str = ""
    session: int | None = None
    seq: int | None = None
    definitions: dict[str, Definitions] = {}
    recent: list[str] = []


@dataclass(kw_only=True)
class Outcome:
    """What a message becomes. `records`: of SenML. `rebirth`: birth certificates are needed."""

    records: list[dict[str, Any]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    rebirth: bool = False


class EdgeNode:
    """Takes an edge node's messages in the order in which they come."""

    def __init__(self, certificates: Certificates | None = None) -> None:
        self.certificates = certificates or Certificates()

    def receive(self, topic: Topic, arrival: Arrival) -> Outcome:
        """Read a message. One that came before becomes nothing; the same birth is read again."""
        digest = hashlib.blake2b(
            arrival.topic.encode() + b"\0" + arrival.payload, digest_size=8
        ).hexdigest()
        outcome = Outcome()
        recent = self.certificates.recent
        if digest in recent and not topic.changes_session:
            return outcome
        try:
            if len(arrival.payload) > LARGEST:
                raise unusable(
                    Reason.TOO_LARGE,
                    "{count} bytes; at most {number}",
                    len(arrival.payload),
                    LARGEST,
                )
            self._take(topic, read_payload(arrival.payload), arrival, outcome)
        except UnusableError as error:
            outcome.refused.append(error.refusal.of(arrival))
        self.certificates.recent = [*self.certificates.recent, digest][-_REMEMBERED:]
        return outcome

    def _take(self, topic: Topic, payload: Payload, arrival: Arrival, outcome: Outcome) -> None:
        own = self.certificates
        if topic.type == "NDEATH":
            self._end_session(payload)
            return
        if topic.type == "NBIRTH":
            own.group, own.session = topic.group, _find_session(payload)
            own.definitions = {}
        elif topic.group != own.group or payload.seq is None or payload.seq != self._next():
            # A lost message may have been a birth: no alias is certain before the next one.
            own.group = topic.group
            own.definitions = {}
            outcome.rebirth = True
        own.seq = payload.seq
        if topic.type == "DDEATH":
            own.definitions.pop(topic.device, None)
            return
        if topic.type.endswith("BIRTH"):
            own.definitions.pop(topic.device, None)
            own.definitions[topic.device] = self._define(payload)
        for metric in payload.metrics:
            try:
                outcome.records.extend(self._resolve(topic, payload, metric, outcome))
            except UnusableError as error:
                outcome.refused.append(error.refusal.of(arrival))

    def _next(self) -> int | None:
        seq = self.certificates.seq
        return None if seq is None else (seq + 1) % _SEQUENCE

    def _end_session(self, payload: Payload) -> None:
        """A death certificate of an earlier session ends nothing."""
        session = _find_session(payload)
        if session is None or session == self.certificates.session:
            self.certificates.definitions = {}
            self.certificates.seq = None

    def _define(self, payload: Payload) -> Definitions:
        others = sum(len(each.datatypes) for each in self.certificates.definitions.values())
        if others + len(payload.metrics) > _MOST_DEFINED:
            raise unusable(Reason.TOO_LARGE, "over {number} metrics of an edge node", _MOST_DEFINED)
        defined = Definitions(datatypes={}, aliases={})
        for metric in payload.metrics:
            if metric.name:
                defined.datatypes[metric.name] = metric.datatype
                if metric.alias is not None:
                    defined.aliases[metric.alias] = metric.name
        return defined

    def _resolve(
        self, topic: Topic, payload: Payload, metric: Metric, outcome: Outcome
    ) -> Iterator[dict[str, Any]]:
        """A metric as a record of SenML; nothing for what is not measured."""
        defined = self.certificates.definitions.get(topic.device) or Definitions()
        name = metric.name or defined.aliases.get(-1 if metric.alias is None else metric.alias)
        if not name:
            if metric.alias is None:
                raise unusable(Reason.BAD_PAYLOAD, "a metric without name and alias")
            outcome.rebirth = True
            raise unusable(
                Reason.BAD_PAYLOAD,
                "alias {number}: no birth certificate before it; one was asked for",
                metric.alias,
            )
        if name == _SESSION or name.startswith(_OWN):
            return
        if metric.unread:
            raise unusable(
                Reason.BAD_VALUE, "{name!r} is no number, truth value or text", name[:60]
            )
        if metric.value is None:
            return
        if not metric.good:
            raise unusable(Reason.BAD_VALUE, "{name!r} is of bad quality", name[:60])
        datatype = metric.datatype or defined.datatypes.get(name)
        if datatype is None and type(metric.value) is int:
            outcome.rebirth = True
            raise unusable(
                Reason.BAD_PAYLOAD,
                "{name!r} has no datatype, and no birth certificate before it",
                name[:60],
            )
        value = convert_value(metric.value, datatype)
        if isinstance(value, float) and not math.isfinite(value):
            raise unusable(Reason.NOT_FINITE, "{name!r} is not finite", name[:60])
        seconds = _find_time(payload, metric, name)
        written = {bool: "vb", str: "vs"}.get(type(value), "v")
        yield {
            "n": _make_name(topic.device or topic.node, name),
            "t": seconds,
            written: value,
        }


def _find_session(payload: Payload) -> int | None:
    """The number of the node's connection, which birth and death share."""
    for metric in payload.metrics:
        if metric.name == _SESSION and type(metric.value) is int:  # no truth value
            return metric.value
    return None


def _find_time(payload: Payload, metric: Metric, name: str) -> float:
    """Seconds since the epoch: the metric's time, else the payload's."""
    time = payload.timestamp if metric.timestamp is None else metric.timestamp
    if time is None:
        raise unusable(Reason.NO_TIME, "{name!r}: no time, and none of the message", name[:60])
    if not _EARLIEST <= time < LATEST // 1000:
        raise unusable(Reason.BAD_TIME, "{name!r}: no time lies at {number} ms", name[:60], time)
    return time / 1000


def _make_name(device: str, metric: str) -> str:
    """A name as SenML allows it; other characters become `_`."""
    name = _NO_NAME.sub("_", f"{device}/{metric}")
    if len(name) > _LONGEST_NAME or not name[0].isalnum():
        raise unusable(Reason.BAD_PAYLOAD, "{name!r} cannot be a name in SenML", name[:60])
    return name
