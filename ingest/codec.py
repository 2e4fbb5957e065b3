"""A codec: a payload in a vendor's form becomes readings of our quantities."""

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingest.breaker import Breaker
from ingest.cayenne import CayenneError, decode_cayenne
from ingest.downlink import Downlink, check_port, make_data, parse_encoded
from ingest.meaning import CodecMapping, Form, parse_number, read_fields
from ingest.message import Reason
from ingest.parsing import DuplicateNameError, refuse_duplicates
from ingest.reply import ParsedPayload, unusable
from ingest.sandbox import Failure, Sandbox, ScriptError
from ingest.uplink import Uplink
from sensors._errors import Message

_REASONS = {
    Failure.ERROR: Reason.CODEC_ERROR,
    Failure.TIMEOUT: Reason.CODEC_TIMEOUT,
    Failure.MEMORY: Reason.CODEC_MEMORY,
}
_LONGEST_WORDS = 300


@dataclass(frozen=True, kw_only=True)
class DecodedPayload:
    """What a device's message decodes to, in the vendor's words."""

    data: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Script:
    """A vendor's script, in its sandbox, and how much of it is put up with.

    `cpu`: seconds of this thread; those that it waits for a busy machine are no script's fault.
    """

    sandbox: Sandbox
    breaker: Breaker
    cpu: Callable[[], float] = time.thread_time

    def decode(
        self, uplink: Uplink, *, device: str, variables: Mapping[str, Any]
    ) -> DecodedPayload:
        """Run it on an uplink.

        Raises:
            UnusableError: it failed, says that it did, or is set aside for now.
        """
        returned = self._run(
            device,
            lambda: self.sandbox.decode(
                uplink.payload,
                port=uplink.port,
                millis=round(uplink.time.timestamp() * 1000),
                variables=variables,
            ),
        )
        return parse_result(returned)

    def encode(
        self,
        data: Mapping[str, Any],
        *,
        port: int | None,
        device: str,
        variables: Mapping[str, Any],
        at: datetime,
    ) -> Downlink:
        """Have it encode a command. Raises UnusableError as `decode`."""
        returned = self._run(
            device,
            lambda: self.sandbox.encode(
                data, port=port, millis=round(at.timestamp() * 1000), variables=variables
            ),
        )
        return parse_encoded(returned, port=port)

    def _run(self, device: str, call: Callable[[], Any]) -> Any:
        objection = self.breaker.objection(device)
        if objection is not None:
            raise unusable(Reason.CODEC_SUSPENDED, objection)
        began, in_vain = self.cpu(), False
        try:
            self.sandbox.load()
            began = self.cpu()  # making an engine is no waste of this message
            return call()
        except ScriptError as error:
            in_vain = error.failure is not Failure.ERROR
            raise unusable(_REASONS[error.failure], str(error)) from None
        finally:
            self.breaker.spent(device, self.cpu() - began, in_vain=in_vain)


def parse_result(returned: Any) -> DecodedPayload:
    """What a script returned, if it says that it succeeded.

    Raises:
        UnusableError: it has errors, or no data.
    """
    if not isinstance(returned, Mapping):
        raise unusable(Reason.CODEC_ERROR, "the script returned no object")
    errors = list_texts(returned.get("errors"))
    if errors:
        raise unusable(Reason.CODEC_ERROR, "; ".join(errors)[:_LONGEST_WORDS])
    data, warnings = returned.get("data"), list_texts(returned.get("warnings"))
    if isinstance(data, list):
        data, repeated = _collect_fields(data)
        warnings += tuple(repeated)
    if not isinstance(data, Mapping):
        raise unusable(Reason.CODEC_ERROR, "the script returned no `data` and no `errors`")
    return DecodedPayload(data=data, warnings=warnings)


def _collect_fields(data: list[Any]) -> tuple[dict[str, Any], list[str]]:
    """Fields as Datacake has them, `[{field, value, timestamp}]`; the newest of each field.

    Also a warning about each of which there is more than one: a message is of one time.

    Raises:
        UnusableError: it is another list.
    """
    if not all(isinstance(part, Mapping) and isinstance(part.get("field"), str) for part in data):
        raise unusable(
            Reason.CODEC_ERROR,
            "the script returned a list as `data`; expected an object with a name for each field,"
            " or Datacake's [{field, value}]",
        )
    values: dict[str, list[Any]] = {}
    for part in sorted(data, key=lambda part: parse_number(part.get("timestamp")) or 0.0):
        values.setdefault(part["field"], []).append(part.get("value"))
    repeated = [
        f"{name!r} is there {len(series)} times: the newest is taken"
        for name, series in values.items()
        if len(series) > 1
    ]
    return {name: series[-1] for name, series in values.items()}, repeated


def list_texts(returned: object) -> tuple[str, ...]:
    """Warnings or errors as a script gives them: an array of texts, or carelessly one text."""
    texts = returned if isinstance(returned, list) else [returned]
    return tuple(str(text)[:_LONGEST_WORDS] for text in texts if text not in (None, "", False))


@dataclass(frozen=True, kw_only=True)
class Codec:
    """A mapping and, where its payload is JavaScript, the script."""

    name: str
    mapping: CodecMapping
    script: Script | None = None

    def read(
        self,
        uplink: Uplink,
        *,
        device: str,
        has: Collection[str],
        variables: Mapping[str, Any] | None = None,
    ) -> ParsedPayload:
        """The readings of an uplink; `has`: the quantities that the device has.

        Raises:
            UnusableError: nothing of it can be used; says why.
        """
        if uplink.silent or not self.is_for(uplink.port):
            return ParsedPayload()
        decoded = self.decode(uplink, device=device, variables=variables)
        parsed = read_fields(self.mapping, decoded.data, has=has)
        parsed.warnings = decoded.warnings
        if decoded.warnings and self.mapping.warned_doubtful:
            parsed.status = {name: "doubtful" for name, v in parsed.values.items() if v is not None}
        return parsed

    def is_for(self, port: int) -> bool:
        """Whether payloads of this frame port are read."""
        return self.mapping.ports is None or port in self.mapping.ports

    def decode(
        self, uplink: Uplink, *, device: str, variables: Mapping[str, Any] | None = None
    ) -> DecodedPayload:
        """What an uplink says in the vendor's own words.

        Raises:
            UnusableError: it cannot be decoded; says why.
        """
        form = self.mapping.form
        if form is Form.JAVASCRIPT:
            if self.script is None:
                raise unusable(Reason.BAD_CODEC, "the codec {name!r} has no script", self.name)
            return self.script.decode(uplink, device=device, variables=variables or {})
        if form is Form.CAYENNE_LPP:
            try:
                return DecodedPayload(data=decode_cayenne(uplink.payload))
            except CayenneError as error:
                raise unusable(Reason.BAD_PAYLOAD, "no Cayenne LPP: {error}", error) from None
        if form is Form.SENML:
            raise unusable(
                Reason.BAD_CODEC,
                "the codec {name!r} reads {code}, which no uplink is",
                self.name,
                form.value,
            )
        return DecodedPayload(data=_read_object(uplink))

    def encode(
        self,
        kind: str,
        parameters: Mapping[str, float | str],
        *,
        device: str,
        variables: Mapping[str, Any] | None = None,
        at: datetime,
    ) -> Downlink:
        """A command as the device receives it. Raises UnusableError: it cannot be encoded."""
        mapping = self.mapping.commands.get(kind)
        if mapping is None:
            raise unusable(
                Reason.BAD_CODEC,
                "the codec {name!r} has no command {kind!r}: `commands` in its mapping would say"
                " what its encoder is given",
                *(self.name, kind),
            )
        data = make_data(mapping, parameters)
        if self.script is None:  # the network server's own codec encodes
            return Downlink(port=check_port(mapping.port), object_=data)
        return self.script.encode(
            data, port=mapping.port, device=device, variables=variables or {}, at=at
        )


@dataclass(frozen=True, kw_only=True)
class PlainCodec:
    """For a device without codec: what its network server decoded, in our own words."""

    explanation: Message
    name: str = field(default="", init=False)

    def read(
        self,
        uplink: Uplink,
        *,
        device: str,
        has: Collection[str],
        variables: Mapping[str, Any] | None = None,
    ) -> ParsedPayload:
        """The object's fields that are quantities of the device.

        Raises:
            UnusableError: there are none.
        """
        del variables
        fields = uplink.object_ or {}
        values = {name: value for name, value in fields.items() if name in has}
        if not values:
            raise unusable(Reason.NO_CODEC, "{device!r}: {problem}", device, self.explanation)
        left = tuple(name for name in fields if name not in values)
        read = ParsedPayload(left=left)
        for name, value in values.items():
            number = value if value is None or isinstance(value, bool) else parse_number(value)
            if number is None and value is not None:
                raise unusable(
                    Reason.BAD_VALUE, "{name!r} is {code}, no number", name, repr(value)[:60]
                )
            read.values[name] = number
        return read

    def encode(
        self,
        kind: str,
        parameters: Mapping[str, float | str],
        *,
        device: str,
        variables: Mapping[str, Any] | None = None,
        at: datetime,
    ) -> Downlink:
        """Raises UnusableError: without a codec no command can be encoded."""
        del parameters, variables, at
        raise unusable(
            Reason.NO_CODEC, "{device!r} has no codec that could encode {kind!r}", device, kind
        )


def _read_object(uplink: Uplink) -> Mapping[str, Any]:
    """The network server's object, or else a payload that is itself JSON."""
    if uplink.object_ is not None:
        return uplink.object_
    try:
        document = json.loads(uplink.payload, object_pairs_hook=refuse_duplicates)
    except DuplicateNameError as error:
        raise unusable(Reason.BAD_PAYLOAD, str(error)) from None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise unusable(
            Reason.BAD_PAYLOAD,
            "no decoded object (is the codec set in the network server?), and the payload is no"
            " JSON object either",
        )
    return document
