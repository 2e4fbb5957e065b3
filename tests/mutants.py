"""Put single faults into a room's code, one at a time, and see whether its tests notice.

    make mutants ROOM=rules N=50 SEED=1

Faults come from cosmic-ray's operators, and from the ones below for SQL. They are drawn evenly over
lines, put into a copy of the tree, and each is tried against the tests that run its line, the
quickest first.
"""

import argparse
import difflib
import os
import random
import re
import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import yaml
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from pydantic import BaseModel, ConfigDict

from tests.reach import measure

ROOT = Path(__file__).parent.parent
MOST_SECONDS = 600
COPIES = ROOT / ".mutants"  # on the disk of .venv, whose files the copies share
LINKED = ("node_modules", "hypervisor/web/static/vendor")  # not kept in git

CACHE = COPIES / "reach"  # which tests run which lines
EQUIVALENT = Path(__file__).parent / "equivalent.yaml"

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

    def change(self) -> tuple[list[str], list[str]]:
        """The lines before and after, without indentation."""
        before = (ROOT / self.path).read_text().splitlines()
        lines = list(difflib.unified_diff(before, self.code.splitlines(), n=0, lineterm=""))[3:]
        removed = [line[1:].strip() for line in lines if line.startswith("-")]
        added = [line[1:].strip() for line in lines if line.startswith("+")]
        return removed, added


class Equivalent(BaseModel):
    """A fault that changes nothing anybody can see, and why; `file` "*": in any file."""

    model_config = ConfigDict(extra="forbid")

    file: str
    before: str
    after: str
    why: str


def equivalents() -> dict[tuple[str, str, str], str]:
    faults = [Equivalent(**each) for each in yaml.safe_load(EQUIVALENT.read_text())]
    return {(fault.file, fault.before, fault.after): fault.why for fault in faults}


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
        try:
            code = mutate_code(before, get_operator(name)(), occurrence)
        except AttributeError:  # cosmic-ray replaces `Error` in a tuple, but not `module.Error`
            return None
    if not code or code == before:
        return None
    return Fault(path=place.path, line=place.line, operator=name.split("/")[-1], code=code)


class Bench:
    """Copies of the tree in which faults are tried, one in each at a time."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self._copies = SimpleQueue[Path]()
        copies = [_copy(folder / f"copy-{job}") for job in range(jobs)]
        self._reach = measure(copies[0], CACHE, jobs)
        for copy in copies:
            self._copies.put(copy)

    def notices(self, fault: Fault) -> bool:
        """Whether one of the tests that run the line fails, within their first ten minutes."""
        file = ROOT / fault.path
        tests = self._reach.tests(fault.path, fault.line, file.read_text())
        spent = 0.0
        chosen: list[str] = []
        for test in tests:
            spent += self._reach.seconds[test]
            if chosen and spent > MOST_SECONDS:
                break
            chosen.append(test)
        copy = self._copies.get()
        changed = copy / fault.path
        before = changed.read_text()
        try:
            changed.write_text(fault.code)
            return bool(chosen) and not _passes(copy, chosen, seconds=60 + 4 * spent)
        finally:
            changed.write_text(before)
            self._copies.put(copy)


def _copy(to: Path) -> Path:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
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


def _passes(copy: Path, tests: list[str], *, seconds: float) -> bool:
    """Whether tests pass in a copy; tests that hang do not."""
    command = [str(copy / ".venv/bin/python"), "-m", "pytest", "-xq", "-p", "no:cacheprovider"]
    with subprocess.Popen(
        [*command, "-m", "not long", *tests],
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
    parser.add_argument("room", help="a package, or a room of hypervisor")
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--dry", action="store_true", help="draw the faults, and try none")
    parser.add_argument("--only", help="a part of the path of the files to change", default="")
    options = parser.parse_args()
    inside = ROOT / "hypervisor" / options.room
    folders = (f"hypervisor/{options.room}" if inside.is_dir() else options.room,)
    faults = draw_faults(folders, options.count if not options.only else 100_000, options.seed)
    faults = [fault for fault in faults if options.only in fault.path][: options.count]
    if options.dry:
        for fault in faults:
            removed, added = fault.change()
            print(f"{fault.path}:{fault.line} {fault.operator}", *removed, *added, sep="\n    ")
        return
    listed = equivalents()
    COPIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=COPIES, ignore_cleanup_errors=True) as folder:
        bench = Bench(Path(folder), options.jobs)
        with ThreadPoolExecutor(options.jobs) as pool:
            counts = Counter[str]()
            for fault, noticed in zip(faults, pool.map(bench.notices, faults), strict=True):
                removed, added = fault.change()
                change = " ".join(removed), " ".join(added)
                why = listed.get((fault.path, *change)) or listed.get(("*", *change), "")
                verdict = "noticed" if noticed else "listed" if why else "SURVIVED"
                counts[verdict] += 1
                print(f"{verdict:8} {fault.path}:{fault.line} {fault.operator}", flush=True)
                if not noticed:
                    print(*(f"    -{line}" for line in removed), sep="\n")
                    print(*(f"    +{line}" for line in added), sep="\n")
                    print(f"    {why}", flush=True)
    real = len(faults) - counts["listed"]
    share = counts["noticed"] / max(real, 1)
    noticed_count, listed_count = counts["noticed"], counts["listed"]
    print(f"{options.room}: {noticed_count} of {real} noticed ({share:.0%})", end=", ")
    print(f"{listed_count} listed as equivalent")


if __name__ == "__main__":
    main()
