"""Builds dashboards as files for Grafana's provisioning."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from dashboards._build import build_document, render_json
from dashboards._links import uid
from dashboards._options import Options
from dashboards._scan import dashboards
from hypervisor.base.instance import Mode
from hypervisor.database import instance as instances
from hypervisor.database import panels
from hypervisor.database.connect import connect


def apply_instance_clock(options: Options, url: str) -> Options:
    """Set the instance's time zone; for an exercise, also its time range.

    Raises:
        StoreError: no database answers.
        AskingError: an exercise without readings.
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
    """Write changed dashboards; delete files of removed ones.

    Raises:
        DashboardError: a description contradicts itself; nothing is written then.
    """
    texts = {f"{uid(board.key)}.json": render_json(board, options) for board in dashboards()}
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
    """Every dashboard's JSON by uid.

    Raises:
        DashboardError: a description contradicts itself.
    """
    return {uid(board.key): build_document(board, options) for board in dashboards()}
