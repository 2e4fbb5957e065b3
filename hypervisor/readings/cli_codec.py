"""`hypervisor codec`: how vendors' payloads become readings; trying and testing one."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.readings.codec_testing import Trial
    from ingest.ports import CodecSource
    from ingest.uplink import Uplink

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Mapping = Annotated[
    Path | None, typer.Option(help="The mapping file (default: mapping.yaml beside a script).")
]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="How vendors' payloads become readings.")
    group.command("try")(try_)
    group.command("test")(run_vectors)
    group.command()(add)
    group.command("list")(list_)
    group.command()(show)
    group.command()(remove)
    app.add_typer(group, name="codec")


def try_(
    context: typer.Context,
    codec: Annotated[str, typer.Argument(help="A script (.js), a mapping (.yaml), or a name.")],
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
    """Decode one payload and show what it says and the readings that it becomes."""
    from dataclasses import replace

    from hypervisor.readings.codec_testing import cautions_of, made, only_data, try_codec
    from sensors._domain import catalogue

    words = catalogue()
    uplink = _uplink(fport, hex_, base64, object_, time)
    source, file = _given(context, codec, mapping)
    if source.mapping:
        ready = made(codec, source, words, file=file)
        trial = try_codec(ready, uplink, words)
        trial = replace(trial, warnings=(*cautions_of(ready, words), *trial.warnings))
    else:
        trial = only_data(source.script or "", uplink)
    if as_json:
        print(json.dumps(_plain(trial)))
    else:
        _print(trial, mapped=bool(source.mapping))
    if trial.reason is not None or trial.refused:
        raise SystemExit(1)


def run_vectors(
    script: Annotated[Path, typer.Argument(help="A vendor's script.", exists=True)],
    vectors: Annotated[Path, typer.Argument(help="Its vectors, in YAML.", exists=True)],
    as_json: Json = False,
) -> None:
    """Run vectors in the form of the LoRaWAN device repository; the exit code tells."""
    import time as clock

    from ingest.sandbox import Sandbox
    from ingest.script import read_script, read_text
    from ingest.vectors import load_vectors, run_vector

    now = clock.time_ns() // 1_000_000
    cases = load_vectors(read_text(vectors), file=str(vectors), now=now)
    sandbox = Sandbox(read_script(script))
    failed = 0
    for case in cases:
        found = run_vector(case, sandbox)
        failed += bool(found)
        if as_json:
            differences = [
                {"path": difference.path, "expected": difference.expected, "got": difference.got}
                for difference in found
            ]
            print(json.dumps({"description": case.description, "differences": differences}))
            continue
        print(f"{'FAILED' if found else 'passed'}  {case.description}")
        for difference in found:
            print(
                f"        {difference.path}: expected {difference.expected}, got {difference.got}"
            )
    if not as_json:
        print(f"{len(cases) - failed} of {len(cases)} vectors pass")
    if failed:
        raise SystemExit(1)


def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name: a model's, or what devices' `codec` is.")],
    mapping: Annotated[Path, typer.Option(help="The mapping file.", exists=True)],
    script: Annotated[Path | None, typer.Option(help="The vendor's script.", exists=True)] = None,
    author: Annotated[str, typer.Option(envvar="USER", help="Who adds it.")] = "operator",
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
) -> None:
    """Add a codec of one's own, or replace one; the workers take it up within a second or two."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database import audit
    from hypervisor.database.connect import connect
    from hypervisor.readings import queries_codecs
    from hypervisor.readings.codec_testing import cautions_of, checked_name, made
    from ingest.library import shipped
    from ingest.ports import CodecSource
    from ingest.script import read_script, read_text
    from sensors._domain import catalogue

    source = CodecSource(
        mapping=read_text(mapping), script=None if script is None else read_script(script)
    )
    words = catalogue()
    ready = made(checked_name(name), source, words, file=str(mapping))
    for text in cautions_of(ready, words):
        print(f"warning: {mapping}: {text}", file=sys.stderr)
    with connect(load_settings(context.obj).database_url) as connection:
        before = {each.name: each for each in queries_codecs.every(connection)}.get(name)
        queries_codecs.put(connection, name, source, author)
        audit.record(
            connection,
            kind="codec-add",
            subject=name,
            reason=reason.strip() or ("replaced" if before else "added"),
            author=author,
            details={"before": None if before is None else before.mapping},
        )
        connection.commit()
    said = f"codec {name!r} is in force"
    if before is not None:
        said += f"; it replaces the one that {before.author} added on {before.changed_at:%Y-%m-%d}"
    elif name in shipped():
        said += "; it stands before the shipped one of that name"
    print(said)


def list_(context: typer.Context, as_json: Json = False) -> None:
    """The instance's own codecs and the shipped ones."""
    from rich.console import Console
    from rich.table import Table

    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.readings import queries_codecs
    from ingest.library import shipped

    with connect(load_settings(context.obj).database_url) as connection:
        own = queries_codecs.every(connection)
    mine = {each.name for each in own}
    rows: list[tuple[str, str, str]] = [
        (each.name, f"{each.author}, {each.changed_at:%Y-%m-%d %H:%M}Z", each.mapping)
        for each in own
    ]
    rows += [(n, "shipped", source.mapping) for n, source in shipped().items() if n not in mine]
    if as_json:
        for name, by, text in sorted(rows):
            print(json.dumps({"codec": name, "by": by, "payload": _payload(text)}))
        return
    table = Table("codec", "payload", "by")
    for name, by, text in sorted(rows):
        table.add_row(name, _payload(text), by)
    Console().print(table)


def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="As `list` gives it.")],
    script: Annotated[bool, typer.Option("--script", help="The script, not the mapping.")] = False,
) -> None:
    """Print a codec's mapping, or its script."""
    from hypervisor.readings.codec_testing import CodecError

    source = _named(context, name)
    if script and source.script is None:
        raise CodecError(f"codec {name!r} has no script: its mapping says how it is decoded")
    print((source.script if script else source.mapping) or "", end="")


def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="One of the instance's own.")],
    author: Annotated[str, typer.Option(envvar="USER", help="Who takes it away.")] = "operator",
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
) -> None:
    """Take a codec of one's own away; a shipped one of that name is in force again."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database import audit
    from hypervisor.database.connect import connect
    from hypervisor.readings import queries_codecs
    from hypervisor.readings.codec_testing import CodecError
    from ingest.library import shipped

    with connect(load_settings(context.obj).database_url) as connection:
        before = {each.name: each.mapping for each in queries_codecs.every(connection)}.get(name)
        if not queries_codecs.remove(connection, name):
            raise CodecError(f"the instance has no codec {name!r} of its own; see `codec list`")
        audit.record(
            connection,
            kind="codec-remove",
            subject=name,
            reason=reason.strip() or "taken away",
            author=author,
            details={"before": before},
        )
        connection.commit()
    back = "; the shipped one is in force again" if name in shipped() else ""
    print(f"codec {name!r} is gone{back}")


def _given(context: typer.Context, codec: str, mapping: Path | None) -> "tuple[CodecSource, str]":
    """The codec that the argument names, and what to call its mapping in errors."""
    from hypervisor.readings.codec_testing import source_from

    path = Path(codec)
    if path.suffix in (".js", ".yaml", ".yml"):
        return source_from(path, mapping)
    return _named(context, codec), f"codec {codec}"


def _named(context: typer.Context, name: str) -> "CodecSource":
    """A codec by name: the instance's own, or a shipped one."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import StoreError, connect
    from hypervisor.readings import queries_codecs
    from hypervisor.readings.codec_testing import CodecError
    from ingest.library import shipped

    ours = shipped()
    try:
        with connect(load_settings(context.obj).database_url) as connection:
            own = queries_codecs.load(connection)
    except StoreError:  # a shipped one can be tried without an instance
        if name not in ours:
            raise
        own = {}
    source = own.get(name) or ours.get(name)
    if source is None:
        known = ", ".join(sorted({*own, *ours}))
        raise CodecError(f"no codec {name!r}; there are {known} (a file ends in .js or .yaml)")
    return source


def _uplink(port: int, hexadecimal: str, base64: str, made: str, time: str) -> "Uplink":
    from hypervisor.readings.codec_testing import uplink_of

    return uplink_of(port=port, hexadecimal=hexadecimal, base64=base64, made=made, time=time)


def _payload(text: str) -> str:
    from ingest.mapping import MappingError, load_mapping

    try:
        return str(load_mapping(text, file="").form)
    except MappingError:
        return "broken"


def _plain(trial: "Trial") -> dict[str, object]:
    from dataclasses import asdict

    return asdict(trial)


def _print(trial: "Trial", *, mapped: bool) -> None:
    from rich.console import Console
    from rich.table import Table

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
    if not mapped:
        console.print("no mapping: --mapping FILE shows the readings that it becomes")
    elif not trial.readings:
        console.print("no reading")
    else:
        table = Table("quantity", "value", "unit", "quality")
        for reading in trial.readings:
            value = "none" if reading.value is None else f"{reading.value:.10g}"
            table.add_row(
                reading.quantity, value, reading.unit, ", ".join(reading.quality) or "good"
            )
        Console().print(table)
