"""The dashboards there are: each public module here holds a `DASHBOARD`."""

import importlib
import pkgutil

from dashboards._describe import Dashboard
from dashboards._units import DashboardError


def dashboards() -> tuple[Dashboard, ...]:
    """Scan this package. Called from entry points, never at import.

    Raises:
        DashboardError: a public module has no `DASHBOARD`, or two have one key.
    """
    package = importlib.import_module("dashboards")
    by_key: dict[str, Dashboard] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if info.name.startswith("_"):
            continue
        board = getattr(importlib.import_module(f"dashboards.{info.name}"), "DASHBOARD", None)
        if not isinstance(board, Dashboard):
            raise DashboardError(f"dashboards/{info.name}.py must define DASHBOARD, a Dashboard")
        if board.key in by_key:
            raise DashboardError(f"dashboards/{info.name}.py: key {board.key!r} is taken already")
        by_key[board.key] = board
    return tuple(by_key.values())
