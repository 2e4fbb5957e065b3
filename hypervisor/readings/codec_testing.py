"""Trying a codec: a payload's fields, and the readings that it becomes."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypervisor.base.instants import micros
from hypervisor.readings.ingest_inventory import list_units
from ingest.check import TimeTolerance, check
from ingest.codec import Codec, DecodedPayload, parse_result
from ingest.decode import Decoded
from ingest.downlink import Downlink
from ingest.layout import Layouts
from ingest.library import make_codec
from ingest.mapping import find_ambiguous_fields
from ingest.meaning import flatten
from ingest.message import Arrival, Envelope, Reason, Refused
from ingest.ports import Channel, CodecSource
from ingest.reply import ParsedPayload, Refusal, UnusableError
from ingest.sandbox import Sandbox, ScriptError
from ingest.script import read_script, read_text
from ingest.uplink import Uplink, parse_payload, parse_uplink_time
from sensors._command import CommandError
from sensors._domain import Catalogue
from sensors._errors import TerritoryError
from sensors._nearest import did_you_mean
from sensors._quality import Quality

MAPPING_ENDINGS = (".yaml", ".yml")
_DEVICE = "tried"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class CodecError(TerritoryError):
    """A codec does not exist, or its script cannot be loaded."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A reading as it would be stored: in the catalogue's unit."""

    quantity: str
    value: float | None
    unit: str
    quality: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A decoded payload. `reason`: why it could not be.

    `left`: fields without a mapping; `absent`: fields of the mapping that are not there.
    """

    data: Any = None
    warnings: tuple[str, ...] = ()
    reason: Reason | None = None
    detail: str = ""
    readings: tuple[Reading, ...] = ()
    refused: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def try_codec(codec: Codec, uplink: Uplink, catalogue: Catalogue) -> Trial:
    """Decode an uplink of a device that has every quantity of the catalogue."""
    has = {
        name: Channel(series=n, unit=q.unit, low=q.low, high=q.high)
        for n, (name, q) in enumerate(catalogue.quantities.items())
    }
    decoded = DecodedPayload(data={})
    if not codec.is_for(uplink.port):
        warning = f"frame port {uplink.port} is ignored: it is not among the mapping's `ports`"
        return Trial(warnings=(warning,))
    try:
        decoded = codec.decode(uplink, device=_DEVICE)
        read = codec.read(uplink, device=_DEVICE, has=has)
    except UnusableError as error:
        return Trial(
            data=dict(decoded.data) or None,
            warnings=decoded.warnings,
            reason=error.refusal.reason,
            detail=error.refusal.detail,
        )
    readings, refused = _check_values(read, uplink.time, has)
    return Trial(
        data=decoded.data,
        warnings=decoded.warnings,
        readings=readings,
        refused=(*map(_describe, read.refused), *map(_describe, refused)),
        left=read.left,
        absent=tuple(sorted(codec.mapping.paths.difference(flatten(decoded.data)))),
    )


def _describe(refusal: Refusal | Refused) -> str:
    return f"{refusal.reason}: {refusal.detail}"


def _check_values(
    read: ParsedPayload, time: datetime, has: dict[str, Channel]
) -> tuple[tuple[Reading, ...], Sequence[Refused]]:
    if not read.values:
        return (), ()
    arrival = Arrival(topic=_DEVICE, payload=b"", received_at=micros(time))
    envelope = Envelope(
        time=time, values=read.values, units=read.units or None, status=read.status or None
    )
    decoded = Decoded(
        envelopes=[envelope], arrivals=[arrival], devices=[_DEVICE], raw={id(arrival)}
    )
    rows, refused = check(decoded, Layouts({_DEVICE: has}), TimeTolerance(ahead=0, behind=0))
    names = list(has)
    readings = tuple(
        Reading(
            quantity=names[series],
            value=None if math.isnan(value) else value,
            unit=has[names[series]].unit,
            quality=tuple((f.name or "").lower().replace("_", " ") for f in Quality(quality)),
        )
        for series, _, _, value, quality in rows.tolist()
    )
    return readings, refused


def list_cautions(codec: Codec, catalogue: Catalogue) -> tuple[str, ...]:
    """Warnings about a codec's mapping."""
    kinds = {name: quantity.kind for name, quantity in catalogue.quantities.items()}
    return (
        *find_ambiguous_fields(codec.mapping, kinds),
        *_list_unknown_commands(codec, catalogue),
    )


def _list_unknown_commands(codec: Codec, catalogue: Catalogue) -> Iterator[str]:
    """What a mapping's `commands` name that no command has."""
    for name, mapping in codec.mapping.commands.items():
        kind = catalogue.commands.get(name)
        if kind is None:
            yield f"commands.{name}: no such command{did_you_mean(name, catalogue.commands)}"
            continue
        parameters = {parameter.name for parameter in kind.parameters}
        for path, field in mapping.fields.items():
            if field.parameter and field.parameter not in parameters:
                hint = did_you_mean(field.parameter, parameters)
                yield f"commands.{name}.data.{path}: no parameter {field.parameter!r}{hint}"


def encode_command(
    codec: Codec, kind: str, parameters: Mapping[str, object], catalogue: Catalogue
) -> Downlink:
    """A command as a device with this codec receives it.

    Raises CommandError: it cannot be given so. CodecError: it cannot be encoded.
    """
    described = catalogue.commands.get(kind)
    if described is None:
        hint = did_you_mean(kind, catalogue.commands)
        raise CommandError("there is no command {name!r}{hint}", kind[:60], hint)
    try:
        return codec.encode(kind, described.parse(parameters), device=_DEVICE, at=datetime.now(UTC))
    except UnusableError as error:
        raise CodecError("{problem}", error.refusal.detail) from error


def build_codec(name: str, source: CodecSource, catalogue: Catalogue, *, file: str) -> Codec:
    """Build and check a codec, and load its script.

    Raises:
        MappingError: the mapping is wrong.
        CodecError: the script cannot be loaded.
    """
    codec = make_codec(name, source, units=list_units(catalogue), file=file)
    if codec.script is not None:
        try:
            codec.script.sandbox.load()
        except ScriptError as error:
            raise CodecError("{name}: {error}", name, error) from error
    return codec


def decode_only(script: str, uplink: Uplink) -> Trial:
    """Decode an uplink with a script that has no mapping."""
    try:
        returned = Sandbox(script).decode(
            uplink.payload,
            port=uplink.port,
            millis=round(uplink.time.timestamp() * 1000),
            variables={},
        )
        decoded = parse_result(returned)
    except ScriptError as error:
        return Trial(reason=Reason(f"codec-{error.failure}"), detail=str(error))
    except UnusableError as error:
        return Trial(reason=error.refusal.reason, detail=error.refusal.detail)
    return Trial(data=decoded.data, warnings=decoded.warnings)


def read_source(path: Path, mapping: Path | None) -> tuple[CodecSource, str]:
    """A codec from a script or a mapping and the file beside it; and the mapping's name.

    Raises:
        CodecError: a file does not exist.
        ScriptFileError: a file is not UTF-8 text.
    """
    is_mapping = path.suffix in MAPPING_ENDINGS
    script = path.with_name("codec.js") if is_mapping else path
    beside = path if is_mapping else path.with_name("mapping.yaml")
    if mapping is None and beside.exists():
        mapping = beside
    for needed in (path, *([] if mapping is None else [mapping])):
        if not needed.is_file():
            raise CodecError("there is no file {needed}", needed)
    text = "" if mapping is None else read_text(mapping)
    takes_script = not is_mapping or "javascript" in text
    code = read_script(script) if takes_script and script.is_file() else None
    return CodecSource(mapping=text, script=code), str(mapping or path)


def parse_uplink(*, port: int, hexadecimal: str, base64: str, made: str, time: str) -> Uplink:
    """An uplink from the options of the command line.

    Raises CodecError: an option cannot be read.
    """
    try:
        payload = bytes.fromhex(hexadecimal.removeprefix("0x"))
    except ValueError as error:
        raise CodecError(
            "--hex: {error}; expected pairs of digits such as 02a1ff", error
        ) from error
    try:
        payload = payload or parse_payload(base64, where="--base64")
        when = parse_uplink_time(time, where="--time") if time else datetime.now(UTC)
    except UnusableError as error:
        raise CodecError(error.refusal.detail) from error
    try:
        given = json.loads(made) if made else None
    except (ValueError, RecursionError) as error:
        raise CodecError("--object is not JSON: {error}", error) from error
    if given is not None and not isinstance(given, dict):
        raise CodecError("--object must be a JSON object")
    if not payload and given is None:
        raise CodecError("no payload: give it with --hex, --base64 or --object")
    return Uplink(addresses=(), time=when, port=port, payload=payload, object_=given)


def check_name(name: str) -> str:
    """The name, if a codec may have it. Raises CodecError: it may not."""
    if not _NAME.fullmatch(name):
        raise CodecError(
            "{name!r} cannot be a codec's name: letters, digits, '-', '_' and '.'", name
        )
    return name
