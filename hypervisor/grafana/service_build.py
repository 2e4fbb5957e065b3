"""Dashboards written as files, one each, for Grafana's file provisioning."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from dashboards._build import document, written
from dashboards._links import uid
from dashboards._options import Options
from dashboards._scan import dashboards
from hypervisor.base.instance import Mode
from hypervisor.database import instance as instances
from hypervisor.database import panels
from hypervisor.database.connect import connect


def apply_instance_clock(options: Options, url: str) -> Options:
    """With the instance's clock; an exercise is shown in the time in which it happened.

    Raises:
        StoreError: no database answers.
        AskingError: an exercise in which nothing was played.
    """
    with connect(url) as connection:
        instance = instances.read(connection)
        if instance is None:
            return options
        options = replace(options, timezone=instance.timezone)
        if instance.mode is not Mode.EXERCISE:
            return options
        since, until = panels.spanned(connection)
    return replace(
        options, since=f"{since:%Y-%m-%dT%H:%M:%SZ}", until=f"{until:%Y-%m-%dT%H:%M:%SZ}"
    )


def write_files(folder: Path, options: Options) -> list[Path]:
    """Write every dashboard; files of dashboards that are no more go.

    Raises:
        DashboardError: a description contradicts itself; nothing is written then.
    """
    texts = {f"{uid(board.key)}.json": written(board, options) for board in dashboards()}
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{uid('*')}.json"):
        if old.name not in texts:
            old.unlink()
    paths = []
    for name, text in sorted(texts.items()):
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def build_documents(options: Options) -> dict[str, dict[str, Any]]:
    """Every dashboard by its uid, as plain JSON values.

    Raises:
        DashboardError: a description contradicts itself.
    """
    return {uid(board.key): document(board, options) for board in dashboards()}
