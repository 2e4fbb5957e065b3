"""A codec: a payload in a vendor's form becomes readings of our quantities."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.breaker import Breaker
from ingest.cayenne import CayenneError, decode_cayenne
from ingest.meaning import Form, Mapping_, number_of, read_fields
from ingest.message import Reason
from ingest.parsing import TwiceError, once_each
from ingest.reply import Read, unusable
from ingest.sandbox import Failure, Sandbox, ScriptError
from ingest.uplink import Uplink

_REASONS = {
    Failure.ERROR: Reason.CODEC_ERROR,
    Failure.TIMEOUT: Reason.CODEC_TIMEOUT,
    Failure.MEMORY: Reason.CODEC_MEMORY,
}
_LONGEST_WORDS = 300


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What a device's message decodes to, in the vendor's words."""

    data: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Script:
    """A vendor's script, in its sandbox, and how much of it is put up with."""

    sandbox: Sandbox
    breaker: Breaker
    ticks: Callable[[], float]

    def speak(self, uplink: Uplink, *, device: str, variables: Mapping[str, Any]) -> Spoken:
        """Run it on an uplink.

        Raises:
            UnusableError: it failed, says that it did, or is set aside for now.
        """
        objection = self.breaker.objection(device)
        if objection is not None:
            raise unusable(Reason.CODEC_SUSPENDED, objection)
        began, in_vain = self.ticks(), False
        try:
            self.sandbox.load()
            began = self.ticks()  # that an engine had to be made is nobody's waste
            returned = self.sandbox.decode(
                uplink.payload,
                port=uplink.port,
                millis=round(uplink.time.timestamp() * 1000),
                variables=variables,
            )
        except ScriptError as error:
            in_vain = error.failure is not Failure.ERROR
            raise unusable(_REASONS[error.failure], str(error)) from None
        finally:
            self.breaker.spent(device, self.ticks() - began, in_vain=in_vain)
        return spoken(returned)


def spoken(returned: Any) -> Spoken:
    """What a script returned, if it says that it succeeded.

    Raises:
        UnusableError: it has errors, or no data.
    """
    if not isinstance(returned, Mapping):
        raise unusable(Reason.CODEC_ERROR, "the script returned no object")
    errors = texts(returned.get("errors"))
    if errors:
        raise unusable(Reason.CODEC_ERROR, "; ".join(errors)[:_LONGEST_WORDS])
    data = returned.get("data")
    if not isinstance(data, Mapping):
        raise unusable(Reason.CODEC_ERROR, "the script returned no `data` and no `errors`")
    return Spoken(data=data, warnings=texts(returned.get("warnings")))


def texts(said: object) -> tuple[str, ...]:
    """Warnings or errors as a script gives them: an array of texts, or carelessly one text."""
    each = said if isinstance(said, list) else [said]
    return tuple(str(one)[:_LONGEST_WORDS] for one in each if one not in (None, "", False))


@dataclass(frozen=True, kw_only=True)
class Codec:
    """A mapping and, where its payload is JavaScript, the script."""

    name: str
    mapping: Mapping_
    script: Script | None = None

    def read(
        self,
        uplink: Uplink,
        *,
        device: str,
        has: Collection[str],
        variables: Mapping[str, Any] | None = None,
    ) -> Read:
        """The readings of an uplink; `has`: the quantities that the device has.

        Raises:
            UnusableError: nothing of it can be used; says why.
        """
        if uplink.silent or not self.is_for(uplink.port):
            return Read()
        said = self.speak(uplink, device=device, variables=variables)
        read = read_fields(self.mapping, said.data, has=has)
        read.warnings = said.warnings
        if said.warnings and self.mapping.warned_doubtful:
            read.status = {name: "doubtful" for name, v in read.values.items() if v is not None}
        return read

    def is_for(self, port: int) -> bool:
        """Whether payloads of this frame port are read."""
        return self.mapping.ports is None or port in self.mapping.ports

    def speak(
        self, uplink: Uplink, *, device: str, variables: Mapping[str, Any] | None = None
    ) -> Spoken:
        """What an uplink says in the vendor's own words.

        Raises:
            UnusableError: it cannot be decoded; says why.
        """
        form = self.mapping.form
        if form is Form.JAVASCRIPT:
            if self.script is None:
                raise unusable(Reason.BAD_CODEC, f"the codec {self.name!r} has no script")
            return self.script.speak(uplink, device=device, variables=variables or {})
        if form is Form.CAYENNE_LPP:
            try:
                return Spoken(data=decode_cayenne(uplink.payload))
            except CayenneError as error:
                raise unusable(Reason.BAD_PAYLOAD, f"no Cayenne LPP: {error}") from None
        if form is Form.SENML:
            raise unusable(
                Reason.BAD_CODEC, f"the codec {self.name!r} reads {form}, which no uplink is"
            )
        return Spoken(data=_object(uplink))


@dataclass(frozen=True, kw_only=True)
class PlainCodec:
    """For a device without codec: what its network server decoded, in our own words."""

    told: str
    name: str = field(default="", init=False)

    def read(
        self,
        uplink: Uplink,
        *,
        device: str,
        has: Collection[str],
        variables: Mapping[str, Any] | None = None,
    ) -> Read:
        """The object's fields that are quantities of the device.

        Raises:
            UnusableError: there are none.
        """
        del variables
        given = uplink.object_ or {}
        values = {name: value for name, value in given.items() if name in has}
        if not values:
            raise unusable(Reason.NO_CODEC, f"{device!r}: {self.told}")
        left = tuple(name for name in given if name not in values)
        read = Read(left=left)
        for name, value in values.items():
            number = value if value is None or isinstance(value, bool) else number_of(value)
            if number is None and value is not None:
                raise unusable(Reason.BAD_VALUE, f"{name!r} is {value!r:.60}, no number")
            read.values[name] = number
        return read


def _object(uplink: Uplink) -> Mapping[str, Any]:
    """The network server's object, or else a payload that is itself JSON."""
    if uplink.object_ is not None:
        return uplink.object_
    try:
        loads = json.loads(uplink.payload, object_pairs_hook=once_each)
    except TwiceError as error:
        raise unusable(Reason.BAD_PAYLOAD, str(error)) from None
    except (ValueError, RecursionError):
        loads = None
    if not isinstance(loads, dict):
        raise unusable(
            Reason.BAD_PAYLOAD,
            "no decoded object (is the codec set in the network server?), and the payload is no"
            " JSON object either",
        )
    return loads
