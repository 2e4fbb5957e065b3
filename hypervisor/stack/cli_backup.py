"""`hypervisor backup` and `restore`: an instance as one file, and restored from it."""

from pathlib import Path
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")],
    exclude_readings: Annotated[
        bool, typer.Option("--exclude-readings", help="Registry, alarms and accounts only.")
    ] = False,
) -> None:
    """Write the whole running instance into one file. It holds secrets: keep it safe."""
    from hypervisor.base.settings import load_settings
    from hypervisor.stack.backup import back_up

    manifest = back_up(load_settings(context.obj), file, readings=not exclude_readings)
    size = file.stat().st_size / 1024**2
    readings = f"{manifest.counts['reading']:,}" if manifest.with_readings else "no"
    print(
        f"{file}: {size:.1f} MB, {manifest.mode} {manifest.name!r}"
        f" as of {manifest.made_at:%Y-%m-%d %H:%M:%S}Z:"
        f" {readings} readings, {manifest.counts['alarm']:,} alarms, {manifest.accounts} accounts"
    )
    if not manifest.accounts:
        print("no device has an account in this data folder: is it the broker's?")


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
    from hypervisor.stack import archive
    from hypervisor.stack import restore as restoring

    folder = data or context.obj
    if folder is None and not database_only:
        raise archive.BackupError("restore needs a folder: --data FOLDER")
    settings = load_settings(folder)
    options = restoring.RestoreOptions(file=file, data=settings.data, reason=reason, author=author)
    if database_only:
        manifest = archive.verify(file)
        restoring.refuse_newer(file, manifest)
        restoring.fill_database(settings.database_url, options, manifest)
        where = "the database"
    else:
        manifest = restoring.restore(options, print)
        where = str(options.data)
    print(
        f"{where} holds {manifest.mode} {manifest.name!r}"
        f" as of {manifest.made_at:%Y-%m-%d %H:%M:%S}Z:"
        f" {manifest.counts.get('reading', 0):,} readings, {manifest.counts['alarm']:,} alarms,"
        f" {0 if database_only else manifest.accounts} accounts"
    )
