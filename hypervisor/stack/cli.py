"""Commands of one machine: `up`, `down`, `migrate`, `broker`, `doctor`, `backup` and others."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.base.findings import Finding
    from hypervisor.base.settings import Settings


def attach(app: typer.Typer) -> None:
    for command in (up, down, migrate, broker, doctor, housekeeping, backup, restore):
        app.command()(command)


def up(
    context: typer.Context,
    exercise: Annotated[
        bool, typer.Option("--exercise", help="Make it an exercise (for good; new folders only).")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Its display name (new folders).")] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Its time zone, for good (new folders); default: Europe/Paris."),
    ] = None,
    web_port: Annotated[
        int | None, typer.Option(help="The web's port; default: 8000 or the next free one.")
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return once it runs; `hypervisor down` stops it.")
    ] = False,
) -> None:
    """Run an instance with a broker and a database of its own; Ctrl-C stops it.

    In a folder that joined a cluster: be a machine of that cluster. Exit status 0: all of it ran;
    1: it ran, but not all of it when it was stopped (with --detach: when it was up); 2: it could
    not be started.
    """
    import os

    from hypervisor.base.instance import Mode
    from hypervisor.base.settings import load_settings
    from hypervisor.broker.folder import PLAN_FILE
    from hypervisor.stack import detached
    from hypervisor.stack.prepare import UpOptions
    from hypervisor.stack.run_state import read_state

    data = context.obj or load_settings().data
    mode = Mode.EXERCISE if exercise else None
    if detach:
        detached.start(data, mode=mode, name=name, timezone=timezone, web_port=web_port)
        state = read_state(data)
        _end_incomplete(data, [] if state is None else state.lacking, "it runs")
        return

    def say(text: str) -> None:
        with suppress(OSError):  # a full disk or a closed pipe must not end what still runs
            print(f"{datetime.now(UTC).astimezone():%H:%M:%S} {text}", flush=True)

    options = UpOptions(
        data=data,
        mode=mode,
        name=name,
        timezone=timezone,
        web_port=web_port,
        environment=os.environ,
    )
    if (data / PLAN_FILE).exists():
        from hypervisor.stack.up_cluster import run
    else:
        from hypervisor.stack.up import run
    _end_incomplete(data, run(options, say), "it was stopped")


def _end_incomplete(data: Path, lacking: "Sequence[str]", how: str) -> None:
    """Exit with status 1 where something of an instance does not work."""
    if lacking:
        print(f"{how} without {' and '.join(lacking)}: see the logs in {data / 'log'}")
        raise typer.Exit(1)


def down(context: typer.Context) -> None:
    """Stop the instance of this data folder."""
    from hypervisor.base.settings import load_settings
    from hypervisor.broker.errors import StackError
    from hypervisor.broker.folder import LOCK_FILE
    from hypervisor.stack import detached

    data = context.obj or load_settings().data
    stopped = detached.stop(data)
    if not stopped and not (data / LOCK_FILE).exists():
        raise StackError(f"no instance was ever up in {data}: expected its data folder in --data")
    print("stopped" if stopped else f"no instance is up in {data}")


def migrate(
    context: typer.Context,
    mode: Annotated[str, typer.Option(help="live or exercise, for a new database.")] = "live",
    name: Annotated[str, typer.Option(help="The display name of a new instance.")] = "territory",
    timezone: Annotated[
        str | None,
        typer.Option(help="The time zone of a new instance, for good; default: Europe/Paris."),
    ] = None,
) -> None:
    """Bring the database of the settings up to date (`up` does so itself).

    With HYPERVISOR_READER_PASSWORD also create the reader `grafana` of the whole territory.
    """
    from hypervisor.base.instance import InstanceError, Mode
    from hypervisor.base.settings import load_settings
    from hypervisor.stack.prepare import UpOptions, prepare

    settings = load_settings(context.obj)
    if mode not in set(Mode):
        raise InstanceError(f"--mode {mode!r}: expected live or exercise")
    options = UpOptions(data=settings.data, mode=Mode(mode), timezone=timezone)
    instance = prepare(settings.database_url, options, name, print)
    if settings.reader_password:
        _let_grafana_read(settings)
    print(f"{instance.mode.banner} {instance.name!r}: the database is up to date")


def _let_grafana_read(settings: "Settings") -> None:
    from hypervisor.accounts.readers import ensure_reader
    from hypervisor.database.connect import connect

    with connect(settings.database_url) as connection:
        reader = ensure_reader(
            connection,
            "grafana",
            settings.reader_password,
            timeout=settings.reader_timeout_seconds,
        )
    print(f"{reader.role} reads the whole territory")


def broker(
    context: typer.Context,
    exercise: Annotated[
        bool, typer.Option("--exercise/--no-exercise", help="Also admit the account `player`.")
    ] = False,
    host: Annotated[str, typer.Option(help="Its address for devices.")] = "127.0.0.1",
    parts_host: Annotated[
        str, typer.Option(help="Its address for the hypervisor's own parts.")
    ] = "127.0.0.1",
    tls_cert: Annotated[Path | None, typer.Option(help="Its certificate and chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key (PEM).")] = None,
    tls_port: Annotated[int | None, typer.Option(help="Its port for TLS; default: 8883.")] = None,
    tls_only: Annotated[
        bool, typer.Option("--tls-only", help="Keep the plain port to this machine.")
    ] = False,
) -> None:
    """Run the broker with our settings, accounts and access list (`up` includes it)."""
    from hypervisor.base.instance import Mode
    from hypervisor.base.settings import load_settings
    from hypervisor.broker import tls
    from hypervisor.stack import broker_process

    mode = Mode.EXERCISE if exercise else Mode.LIVE
    settings = load_settings(context.obj)
    secured = tls.read_options(
        cert=tls_cert or settings.broker_tls_cert,
        key=tls_key or settings.broker_tls_key,
        port=tls_port or settings.broker_tls_port,
        host=host,
        only=tls_only or settings.broker_tls_only,
    )
    status = broker_process.run(
        settings, host=host, parts_host=parts_host, mode=mode, secured=secured
    )
    raise typer.Exit(abs(status))


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="All machines of the cluster, in place of this one.")
    ] = False,
) -> None:
    """Check machine and instance; exit status 1 if anything is bad."""
    from hypervisor.base.settings import load_settings

    settings = load_settings(context.obj)
    findings: Sequence[Finding]
    if every:
        from hypervisor.stack.doctor_cluster import examine_cluster

        findings = examine_cluster(settings)
    else:
        from hypervisor.stack.doctor import examine

        findings = examine(settings, datetime.now(UTC))
    if as_json:
        for finding in findings:
            print(json.dumps(asdict(finding)))
    else:
        _print_findings(findings)
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


def _print_findings(findings: "Sequence[Finding]") -> None:
    from rich.console import Console
    from rich.markup import escape

    colours = {"good": "green", "warning": "yellow", "bad": "red"}
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        state = f"[{colours[finding.state]}]{finding.state:8}[/]"
        console.print(f"{state} {finding.label:16} {escape(finding.what)}")
        if finding.mend:
            console.print(f"{'':25} -> {escape(finding.mend)}")


def housekeeping(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Once, instead of every hour.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted; change nothing.")
    ] = False,
    agree: Annotated[
        bool,
        typer.Option("--agree", help="With --once: accept retention settings that were shortened."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once or --dry-run.")] = False,
) -> None:
    """Delete data past its retention; alarms and the audit are kept for good."""
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect, store_errors
    from hypervisor.stack import housekeeping as kept

    settings = load_settings(context.obj)
    if not once and not dry_run:
        log_to_stderr()
        say = logging.getLogger("hypervisor.housekeeping").info
        kept.run(settings, stopping=stopping(), say=say)
        return
    with store_errors(), connect(settings.database_url, autocommit=True) as connection:
        configured = kept.configured_days(settings)
        swept = (
            kept.preview(connection, configured)
            if dry_run
            else kept.sweep(connection, configured, agree=agree)
        )
        more = kept.preview(connection, configured) if swept.shorter else None
        trouble = ""
        if not dry_run:
            trouble = kept.refresh_columnar_copy(connection, settings) + kept.compress(
                connection, settings
            )
    if as_json:
        counts = {"readings": swept.readings, "dead_letters": swept.dead_letters}
        print(json.dumps({**counts, "waiting": list(swept.shorter), "dry_run": dry_run}))
        return
    print(f"{'would be deleted' if dry_run else 'deleted'}: {swept.text()}{trouble}")
    if more is not None:
        print(f"{', '.join(swept.shorter)}: {more.text()} would be deleted; --agree deletes them")


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")],
    exclude_readings: Annotated[
        bool, typer.Option("--exclude-readings", help="Registry, alarms and accounts only.")
    ] = False,
) -> None:
    """Write the running instance into one file. It holds secrets: keep it safe."""
    from hypervisor.base.settings import load_settings
    from hypervisor.stack.backup import back_up

    settings = load_settings(context.obj)
    manifest = back_up(settings, file, readings=not exclude_readings)
    size = file.stat().st_size / 1024**2
    readings = f"{manifest.counts['reading']:,}" if manifest.with_readings else "no"
    print(
        f"{file}: {size:.1f} MB, {manifest.mode} {manifest.name!r}"
        f" as of {manifest.made_at:%Y-%m-%d %H:%M:%S}Z:"
        f" {readings} readings, {manifest.counts['alarm']:,} alarms, {manifest.accounts} accounts"
    )
    if not manifest.accounts and settings.machine is None:  # a cluster's are in the database
        print("no device has an account in this data folder: does it belong to the broker?")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file written by `hypervisor backup`.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="The folder to restore into: empty, or new.")
    ] = None,
    database_only: Annotated[
        bool,
        typer.Option(
            "--database-only", help="Fill the empty database that HYPERVISOR_DATABASE_URL names."
        ),
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    author: Annotated[str, typer.Option(help="Who; default: your user name.")] = "",
) -> None:
    """Restore an instance from its backup; `hypervisor up` then continues it."""
    from hypervisor.base.settings import load_settings
    from hypervisor.stack import restore as restoring
    from hypervisor.stack.manifest import BackupError

    folder = data or context.obj
    if folder is None and not database_only:
        raise BackupError("restore needs a folder: --data FOLDER")
    settings = load_settings(folder)
    options = restoring.RestoreOptions(file=file, data=settings.data, reason=reason, author=author)
    if database_only:
        manifest = restoring.restore_into_database(options, settings)
        where = "the database"
    else:
        manifest = restoring.restore(options, print)
        where = str(options.data)
    print(
        f"{where} holds {manifest.mode} {manifest.name!r}"
        f" as of {manifest.made_at:%Y-%m-%d %H:%M:%S}Z:"
        f" {manifest.counts.get('reading', 0):,} readings, {manifest.counts['alarm']:,} alarms,"
        f" {manifest.accounts if not database_only or settings.machine else 0} accounts"
    )
