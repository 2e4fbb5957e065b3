"""Codecs by name: the instance's own, and those shipped in ingest/codecs."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files

from ingest.breaker import Breaker
from ingest.codec import Codec, PlainCodec, Script
from ingest.mapping import MappingError, load_mapping
from ingest.meaning import Form
from ingest.message import Reason
from ingest.ports import CodecSource, Inventory
from ingest.reply import unusable
from ingest.sandbox import Sandbox
from sensors._errors import Message, Place

_PLACE = re.compile(r"\[[0-9]+\]")
_MOST_UNMAPPED = 100  # fields of a device
_LONGEST = 100  # characters of a field's name that are remembered

log = logging.getLogger(__name__)


def list_shipped() -> Mapping[str, CodecSource]:
    """The codecs of ingest/codecs by name, which is a device model's."""
    sources: dict[str, CodecSource] = {}
    for folder in sorted((files("ingest") / "codecs").iterdir(), key=lambda path: path.name):
        mapping, script = folder / "mapping.yaml", folder / "codec.js"
        if mapping.is_file():
            sources[folder.name] = CodecSource(
                mapping=mapping.read_text(encoding="utf-8"),
                script=script.read_text(encoding="utf-8") if script.is_file() else None,
            )
    return sources


class Library:
    """Codecs, made ready when first asked for and kept for as long as their source is the same.

    `units`: the catalogue's unit of each quantity, against which mappings are checked.
    """

    def __init__(
        self,
        *,
        units: Mapping[str, str] | None = None,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._units, self._ticks = units, ticks
        self._shipped = list_shipped()
        self._ready: dict[str, tuple[CodecSource, Codec | MappingError]] = {}
        self._unmapped: dict[str, set[str]] = {}

    def of_device(self, device: str, inventory: Inventory) -> Codec | PlainCodec:
        """The codec that decodes a device's payloads: the one named, or else its model's.

        Raises:
            UnusableError: the one that is named is not there, or is broken.
        """
        named, model = inventory.codecs.get(device), inventory.models.get(device)
        name = named or model
        source = None if name is None else inventory.own.get(name) or self._shipped.get(name)
        if source is not None and name is not None:
            return self._codec(name, source)
        if named is not None:
            raise unusable(
                Reason.NO_CODEC,
                "{device!r} is decoded by {codec!r}, a codec that does not exist; `hypervisor"
                " codec add` adds it",
                device,
                named,
            )
        if model is None:
            return PlainCodec(
                explanation=Message(
                    "it has no codec and no model, and its network server decoded none of its"
                    " quantities"
                )
            )
        return PlainCodec(
            explanation=Message(
                "its model {model!r} has no codec, and its network server decoded none of its"
                " quantities",
                model,
            )
        )

    def tell_unmapped(self, device: str, left: Iterable[str]) -> None:
        """Log the fields that a device's mapping does not name, each once."""
        logged = self._unmapped.setdefault(device, set())
        new = []
        for path in left:
            field = _PLACE.sub("[]", path)[:_LONGEST]  # a list's elements are one field
            if field not in logged and len(logged) < _MOST_UNMAPPED:
                logged.add(field)
                new.append(field)
        if new:
            log.info("%s sends %s, which no mapping names; said once", device, ", ".join(new))

    def _codec(self, name: str, source: CodecSource) -> Codec:
        entry = self._ready.get(name)
        if entry is None or entry[0] != source:
            entry = self._ready[name] = (source, self._made(name, source))
        made = entry[1]
        if isinstance(made, MappingError):
            raise unusable(Reason.BAD_CODEC, str(made))
        return made

    def _made(self, name: str, source: CodecSource) -> Codec | MappingError:
        try:
            return make_codec(name, source, units=self._units, ticks=self._ticks)
        except MappingError as error:
            return error


def make_codec(
    name: str,
    source: CodecSource,
    *,
    units: Mapping[str, str] | None = None,
    ticks: Callable[[], float] = time.monotonic,
    file: str | None = None,
) -> Codec:
    """A codec from its source; its script is loaded when it is first used.

    Raises:
        MappingError: the mapping is wrong, or needs a script that is not there.
    """
    where = file or f"codec {name}"
    start = Place(file=where, line=1, column=1)
    mapping = load_mapping(source.mapping, file=where, units=units)
    if mapping.form is not Form.JAVASCRIPT:
        if source.script is not None:
            raise MappingError(
                "{place}: payload {code} has no use for a script", start, mapping.form.value
            )
        return Codec(name=name, mapping=mapping)
    if source.script is None:
        raise MappingError("{place}: payload javascript needs a script", start)
    script = Script(
        sandbox=Sandbox(source.script),
        breaker=Breaker(ticks),
    )
    return Codec(name=name, mapping=mapping, script=script)
