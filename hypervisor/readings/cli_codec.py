"""`hypervisor codec`: how vendors' payloads become readings; trying and testing codecs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import Json, open_database, print_json, print_note, print_table

if TYPE_CHECKING:
    from hypervisor.readings.codec_testing import Reading, Trial
    from ingest.ports import CodecSource

Mapping = Annotated[
    Path | None, typer.Option(help="The mapping file (default: mapping.yaml beside a script).")
]
Reason = Annotated[str, typer.Option(help="Why, for the audit.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="How vendors' payloads become readings.")
    group.command("try")(try_codec)
    group.command("test")(run_vectors)
    group.command("encode")(encode)
    group.command()(add)
    group.command("list")(list_codecs)
    group.command()(show)
    group.command()(remove)
    app.add_typer(group, name="codec")


def try_codec(
    context: typer.Context,
    codec: Annotated[
        str, typer.Argument(help="A script's or a mapping's (.yaml) file, or a name.")
    ],
    fport: Annotated[int, typer.Option(help="The frame port.")] = 1,
    hex_: Annotated[str, typer.Option("--hex", help="The payload, in hexadecimal.")] = "",
    base64: Annotated[str, typer.Option(help="The payload, as network servers write it.")] = "",
    object_: Annotated[
        str, typer.Option("--object", help="What the network server decoded, as JSON.")
    ] = "",
    mapping: Mapping = None,
    time: Annotated[str, typer.Option(help="When it was received (default: now).")] = "",
    as_json: Json = False,
) -> None:
    """Decode one payload and show its fields and the readings that it becomes."""
    from dataclasses import asdict, replace

    from hypervisor.readings import codec_testing
    from sensors._domain import catalogue

    words = catalogue()
    uplink = codec_testing.parse_uplink(
        port=fport, hexadecimal=hex_, base64=base64, made=object_, time=time
    )
    source, file = _read_codec(context, codec, mapping)
    if source.mapping:
        ready = codec_testing.build_codec(codec, source, words, file=file)
        trial = codec_testing.try_codec(ready, uplink, words)
        cautions = codec_testing.list_cautions(ready, words)
        trial = replace(trial, warnings=(*cautions, *trial.warnings))
    else:
        trial = codec_testing.decode_only(source.script or "", uplink)
    if as_json:
        print(json.dumps(asdict(trial)))
    else:
        _print_trial(trial, mapped=bool(source.mapping))
    if trial.reason is not None or trial.refused:
        raise SystemExit(1)


def encode(
    context: typer.Context,
    codec: Annotated[
        str, typer.Argument(help="A script's or a mapping's (.yaml) file, or a name.")
    ],
    kind: Annotated[str, typer.Argument(help="See `hypervisor commands kinds`.")],
    parameters: Annotated[list[str], typer.Argument(help="NAME=VALUE, such as level=40.")],
    mapping: Mapping = None,
    as_json: Json = False,
) -> None:
    """Encode one command as a device behind a network server receives it; nothing is sent."""
    from hypervisor.readings import codec_testing
    from sensors._domain import catalogue

    words = catalogue()
    source, file = _read_codec(context, codec, mapping)
    ready = codec_testing.build_codec(codec, source, words, file=file)
    values = {name: value for name, _, value in (text.partition("=") for text in parameters)}
    downlink = codec_testing.encode_command(ready, kind, values, words)
    if as_json:
        made = {"port": downlink.port, "bytes": downlink.payload.hex(), "object": downlink.object_}
        print_json([made])
    elif downlink.object_ is not None:
        print(f"port {downlink.port}, object {json.dumps(downlink.object_, ensure_ascii=False)}")
    else:
        print(f"port {downlink.port}, bytes {downlink.payload.hex()}")


def _read_codec(
    context: typer.Context, codec: str, mapping: Path | None
) -> tuple["CodecSource", str]:
    """A codec from files, or by its name; and what its mapping is called in errors."""
    from hypervisor.readings import codec_testing

    path = Path(codec)
    if path.suffix in (".js", *codec_testing.MAPPING_ENDINGS) or path.is_file():
        return codec_testing.read_source(path, mapping)
    return _find_codec(context, codec), f"codec {codec}"


def run_vectors(
    script: Annotated[Path, typer.Argument(help="A vendor's script.", exists=True)],
    vectors: Annotated[Path, typer.Argument(help="Its vectors, YAML or JSON.", exists=True)],
    as_json: Json = False,
) -> None:
    """Run the vectors that a vendor publishes; exit code 1 if one fails."""
    import time as clock
    from dataclasses import asdict

    from ingest.sandbox import Sandbox
    from ingest.script import read_script, read_text
    from ingest.vectors import load_vectors, run_vector

    now = clock.time_ns() // 1_000_000
    cases = load_vectors(read_text(vectors), file=str(vectors), now=now)
    sandbox = Sandbox(read_script(script))
    failed = 0
    for case in cases:
        differences = run_vector(case, sandbox)
        failed += bool(differences)
        if as_json:
            report = [asdict(difference) for difference in differences]
            print(json.dumps({"description": case.description, "differences": report}))
            continue
        print(f"{'FAILED' if differences else 'passed'}  {case.description}")
        for each in differences:
            print(f"        {each.path}: expected {each.expected}, got {each.got}")
    if not as_json:
        print(f"{len(cases) - failed} of {len(cases)} vectors pass")
    if failed:
        raise SystemExit(1)


def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name: a model's, or a device's `codec`.")],
    mapping: Annotated[Path, typer.Option(help="The mapping file.", exists=True)],
    script: Annotated[Path | None, typer.Option(help="The vendor's script.", exists=True)] = None,
    author: Annotated[str, typer.Option(envvar="USER", help="Who adds it.")] = "operator",
    reason: Reason = "",
) -> None:
    """Add or replace a codec of your own; the workers load it within two seconds."""
    from hypervisor.database import audit
    from hypervisor.readings import queries_codecs
    from hypervisor.readings.codec_testing import build_codec, check_name, list_cautions
    from ingest.library import list_shipped
    from ingest.ports import CodecSource
    from ingest.script import read_script, read_text
    from sensors._domain import catalogue

    source = CodecSource(
        mapping=read_text(mapping), script=None if script is None else read_script(script)
    )
    words = catalogue()
    ready = build_codec(check_name(name), source, words, file=str(mapping))
    for text in list_cautions(ready, words):
        print_note(f"warning: {mapping}: {text}")
    with open_database(context) as connection:
        before = {codec.name: codec for codec in queries_codecs.list_codecs(connection)}.get(name)
        queries_codecs.save_codec(connection, name, source, author)
        audit.record(
            connection,
            kind="codec-add",
            subject=name,
            reason=reason.strip() or ("replaced" if before else "added"),
            author=author,
            details={"before": None if before is None else before.mapping},
        )
    message = f"codec {name!r} is in force"
    if before is not None:
        message += f"; it replaces that of {before.author}, added on {before.changed_at:%Y-%m-%d}"
    elif name in list_shipped():
        message += "; it replaces the shipped one of that name"
    print(message)


def list_codecs(context: typer.Context, as_json: Json = False) -> None:
    """The instance's own codecs and the shipped ones."""
    from hypervisor.readings import queries_codecs
    from ingest.library import list_shipped

    with open_database(context) as connection:
        own = queries_codecs.list_codecs(connection)
    rows = {name: ("shipped", source.mapping) for name, source in list_shipped().items()}
    for codec in own:
        rows[codec.name] = f"{codec.author}, {codec.changed_at:%Y-%m-%d %H:%M}Z", codec.mapping
    table = [(name, _payload_form(mapping), by) for name, (by, mapping) in sorted(rows.items())]
    if as_json:
        print_json({"codec": name, "by": by, "payload": form} for name, form, by in table)
    else:
        print_table(("codec", "payload", "by"), table)


def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name in `list`.")],
    script: Annotated[bool, typer.Option("--script", help="The script, not the mapping.")] = False,
) -> None:
    """Print a codec's mapping, or its script."""
    from hypervisor.readings.codec_testing import CodecError

    source = _find_codec(context, name)
    if script and source.script is None:
        raise CodecError(f"codec {name!r} has no script: its mapping alone decodes the payload")
    print((source.script if script else source.mapping) or "", end="")


def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="One of the instance's own.")],
    author: Annotated[str, typer.Option(envvar="USER", help="Who removes it.")] = "operator",
    reason: Reason = "",
) -> None:
    """Remove a codec of your own; a shipped one of that name is in force again."""
    from hypervisor.database import audit
    from hypervisor.readings import queries_codecs
    from hypervisor.readings.codec_testing import CodecError
    from ingest.library import list_shipped

    with open_database(context) as connection:
        before = queries_codecs.load_sources(connection).get(name)
        if before is None:
            raise CodecError(f"the instance has no codec {name!r} of its own; see `codec list`")
        queries_codecs.delete_codec(connection, name)
        audit.record(
            connection,
            kind="codec-remove",
            subject=name,
            reason=reason.strip() or "removed",
            author=author,
            details={"before": before.mapping},
        )
    back = "; the shipped one is in force again" if name in list_shipped() else ""
    print(f"codec {name!r} is removed{back}")


def _find_codec(context: typer.Context, name: str) -> "CodecSource":
    """A codec by name: the instance's own, or a shipped one."""
    from hypervisor.database.connect import StoreError
    from hypervisor.readings import queries_codecs
    from hypervisor.readings.codec_testing import CodecError
    from ingest.library import list_shipped

    sources = dict(list_shipped())
    try:
        with open_database(context) as connection:
            sources |= queries_codecs.load_sources(connection)
    except StoreError:  # a shipped one can be tried without an instance
        if name not in sources:
            raise
    if name not in sources:
        names = ", ".join(sorted(sources))
        raise CodecError(f"no codec {name!r}; there are {names} (a file ends in .js or .yaml)")
    return sources[name]


def _payload_form(text: str) -> str:
    from ingest.mapping import MappingError, load_mapping

    try:
        return str(load_mapping(text, file="").form)
    except MappingError:
        return "broken"


def _print_trial(trial: "Trial", *, mapped: bool) -> None:
    from rich.console import Console

    console = Console(markup=False, highlight=False, soft_wrap=True)
    if trial.data is not None:
        console.print("data      " + json.dumps(trial.data, ensure_ascii=False))
    for text in trial.warnings:
        console.print(f"warning   {text}")
    if trial.reason is not None:
        console.print(f"refused   {trial.reason}: {trial.detail}")
        return
    for text in trial.refused:
        console.print(f"refused   {text}")
    if trial.left:
        console.print("unmapped  " + ", ".join(trial.left))
    if trial.absent:
        console.print("absent    " + ", ".join(trial.absent))
    if not mapped:
        console.print("no mapping: --mapping FILE shows the readings that it becomes")
    elif not trial.readings:
        console.print("no reading")
    else:
        _print_readings(trial.readings)


def _print_readings(readings: "Iterable[Reading]") -> None:
    rows = [
        (
            reading.quantity,
            "none" if reading.value is None else f"{reading.value:.10g}",
            reading.unit,
            ", ".join(reading.quality) or "good",
        )
        for reading in readings
    ]
    print_table(("quantity", "value", "unit", "quality"), rows)
