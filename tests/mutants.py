"""Put single faults into a room's code, one at a time, and see whether its tests notice.

    make mutants ROOM=rules N=50 SEED=1

Faults come from cosmic-ray's operators, and from the ones below for SQL. They are drawn evenly over
lines, put into a copy of the tree, and each is tried against the tests of its room until one fails.
"""

import argparse
import difflib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parent.parent
COPIES = ROOT / ".mutants"  # on the disk of .venv, whose files the copies share
LINKED = ("node_modules", "hypervisor/console/static/vendor")  # not kept in git

# Each room's code, and the folders of tests in the order in which they are tried.
ROOMS = {
    "rules": (("rules",), ("unit/rules", "unit/packs", "unit/watch")),
    "ingest": (("ingest",), ("unit/ingest", "integration/ingest")),
    "watch": (("hypervisor/watch",), ("unit/watch", "integration/watch", "integration/rulebook")),
    "store": (
        ("hypervisor/store",),
        (
            "integration/store",
            "integration/watch",
            "integration/alarms",
            "integration/accounts",
            "integration/notify",
            "integration/hands",
            "integration/rollups",
            "integration/rulebook",
            "integration/registry",
            "integration/logbook",
            "integration/api",
        ),
    ),
    "alarms": (
        ("hypervisor/alarms", "hypervisor/store/alarms"),
        ("unit/alarms", "integration/alarms", "integration/api"),
    ),
    "notify": (
        ("hypervisor/notify", "hypervisor/store/notify"),
        ("unit/notify", "integration/notify"),
    ),
    "accounts": (
        ("hypervisor/accounts", "hypervisor/store/accounts"),
        ("unit/accounts", "integration/accounts", "integration/api"),
    ),
    "backtest": (("hypervisor/backtest",), ("unit/backtest", "integration/backtest")),
    "outlook": (("hypervisor/outlook",), ("unit/outlook", "integration/outlook")),
    "simulators": (("simulators",), ("unit/simulators", "integration/simulators")),
}

# Annotations are full of `|`; decorators are dataclasses and routes, without which nothing imports.
SKIPPED = re.compile(r"BinaryOperator_BitOr|Decorator|VariableReplacer|VariableInserter|NoOp")
SQL = (
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" AND ", " OR "),
    (r" DESC\b", " ASC"),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bNOT EXISTS\b", "EXISTS"),
    (r"\bLEFT JOIN\b", "JOIN"),
    (r"\bFOR UPDATE\b", ""),
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One change of one line of one file; `line` counts from 1."""

    path: str
    line: int
    operator: str
    code: str

    def diff(self) -> str:
        before = (ROOT / self.path).read_text().splitlines()
        lines = difflib.unified_diff(before, self.code.splitlines(), n=0, lineterm="")
        return "\n".join(f"    {line}" for line in list(lines)[3:])


def draw_faults(folders: tuple[str, ...], count: int, seed: int) -> list[Fault]:
    """Draw `count` faults: first a line of the room, then one of the faults it can have."""
    chance = random.Random(seed)
    places = [place for path in _sources(folders) for place in _places(path)]
    chance.shuffle(places)
    faults = (_fault(chance, place) for place in places)
    return [fault for fault, _ in zip((f for f in faults if f), range(count), strict=False)]


def _sources(folders: tuple[str, ...]) -> list[str]:
    command = ["git", "ls-files", "--", *(f"{folder}/*.py" for folder in folders)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()


@dataclass(frozen=True, kw_only=True)
class _Place:
    path: str
    line: int
    changes: tuple[tuple[str, int], ...]  # an operator's name, and which of its occurrences


def _places(path: str) -> Iterator[_Place]:
    """The lines of a file that can be changed, and how."""
    code = (ROOT / path).read_text()
    tree = get_ast(code)
    changes: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    for name in operator_names():
        if SKIPPED.search(name):
            continue
        operator = get_operator(name)()
        starts = [
            start[0] for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node)
        ]
        for occurrence, line in enumerate(starts):
            changes[line].append((name, occurrence))
    for index, (pattern, _) in enumerate(SQL):
        for occurrence, match in enumerate(re.finditer(pattern, code)):
            line = code.count("\n", 0, match.start()) + 1
            if not changes[line]:  # else it is Python, and cosmic-ray changes it
                changes[line].append((f"sql/{index}", occurrence))
    for line, found in changes.items():
        if found:
            yield _Place(path=path, line=line, changes=tuple(found))


def _fault(chance: random.Random, place: _Place) -> Fault | None:
    name, occurrence = chance.choice(place.changes)
    before = (ROOT / place.path).read_text()
    if name.startswith("sql/"):
        pattern, replacement = SQL[int(name.removeprefix("sql/"))]
        match = list(re.finditer(pattern, before))[occurrence]
        code = before[: match.start()] + replacement + before[match.end() :]
    else:
        code = mutate_code(before, get_operator(name)(), occurrence)
    if not code or code == before:
        return None
    return Fault(path=place.path, line=place.line, operator=name.split("/")[-1], code=code)


class Bench:
    """Copies of the tree in which faults are tried, one in each at a time."""

    def __init__(self, folder: Path, jobs: int, tests: tuple[str, ...]) -> None:
        self._tests, self._copies = tests, SimpleQueue[Path]()
        for job in range(jobs):
            self._copies.put(_copy(folder / f"copy-{job}"))
        self._seconds: dict[str, float] = {}

    def measure(self) -> None:
        """Run the tests without a fault: they must pass, and say how long they take."""
        copy = self._copies.get()
        for folder in self._tests:
            began = time.monotonic()
            if not _passes(copy, folder, seconds=1800):
                sys.exit(f"tests/{folder} fails without any fault; mend that first")
            self._seconds[folder] = time.monotonic() - began
        self._copies.put(copy)

    def notices(self, fault: Fault) -> bool:
        copy = self._copies.get()
        file = copy / fault.path
        before = file.read_text()
        try:
            file.write_text(fault.code)
            return not all(
                _passes(copy, folder, seconds=60 + 4 * self._seconds[folder])
                for folder in self._tests
            )
        finally:
            file.write_text(before)
            self._copies.put(copy)


def _copy(to: Path) -> Path:
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, files.stdout.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)
    for name in LINKED:
        if not (to / name).exists():
            (to / name).symlink_to(ROOT / name)
    _copy_venv(to / ".venv")
    return to


def _copy_venv(to: Path) -> None:
    """A .venv that finds our code in its copy alone; domains are found wherever a path leads."""
    shutil.copytree(ROOT / ".venv", to, symlinks=True, copy_function=os.link)
    for path_file in to.glob("lib/python*/site-packages/_editable_impl_*.pth"):
        path_file.unlink()  # a link: writing would change the original
        path_file.write_text(f"{to.parent}\n")


def _passes(copy: Path, folder: str, *, seconds: float) -> bool:
    """Whether tests pass in a copy; tests that hang do not."""
    command = [str(copy / ".venv/bin/python"), "-m", "pytest", "-xq", "-p", "no:cacheprovider"]
    with subprocess.Popen(
        [*command, "-m", "not long", f"tests/{folder}"],
        cwd=copy,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            process.terminate()  # pytest ends its servers on the way out
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
            return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", help="a part of the path of the files to change", default="")
    options = parser.parse_args()
    folders, tests = ROOMS[options.room]
    faults = draw_faults(folders, options.count if not options.only else 100_000, options.seed)
    faults = [fault for fault in faults if options.only in fault.path][: options.count]
    COPIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=COPIES, ignore_cleanup_errors=True) as folder:
        bench = Bench(Path(folder), options.jobs, tests)
        bench.measure()
        with ThreadPoolExecutor(options.jobs) as pool:
            noticed_count = 0
            for fault, noticed in zip(faults, pool.map(bench.notices, faults), strict=True):
                noticed_count += noticed
                verdict = "noticed " if noticed else "SURVIVED"
                print(f"{verdict} {fault.path}:{fault.line} {fault.operator}", flush=True)
                if not noticed:
                    print(fault.diff(), flush=True)
    share = noticed_count / len(faults)
    print(f"{options.room}: {noticed_count} of {len(faults)} noticed ({share:.0%})")


if __name__ == "__main__":
    main()
