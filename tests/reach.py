"""Which tests run which lines, measured once by coverage and kept; `make mutants` asks it.

As a pytest plugin (`-p tests.reach`) it names the running test to coverage, in this process and,
through the environment, in those that the test starts.
"""

import ast
import difflib
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import coverage
import pytest

ROOT = Path(__file__).parent.parent
CODE = ("hypervisor", "ingest", "rules", "simulators", "sensors", "dashboards")
TEST, REPORT = "REACH_TEST", "REACH_REPORT"
SETTINGS = """[run]
context = ${{REACH_TEST-}}
parallel = true
sigterm = true
data_file = {data}
source = {source}
"""

_seconds: defaultdict[str, float] = defaultdict(float)
_failed: set[str] = set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    _name(item.nodeid)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Generator[None, Any, Any]:
    if fixturedef.scope == "function":
        return (yield)
    before = os.environ[TEST]
    _name(before.split("::")[0])
    try:
        return (yield)
    finally:
        _name(before)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] += report.duration
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish() -> None:
    report = {"seconds": _seconds, "failed": sorted(_failed)}
    Path(os.environ[REPORT]).write_text(json.dumps(report))


def _name(test: str) -> None:
    os.environ[TEST] = test
    if running := coverage.Coverage.current():
        running.switch_context(test)


class Lane:
    """What the tests of one folder run: seconds of each test, tests of each line."""

    def __init__(self, folder: Path) -> None:
        self.room = folder.name.rsplit("-", 2)[-2]  # of tests-unit-ingest-72de5d230b1a
        report = json.loads((folder / "report").read_text())
        self.seconds: dict[str, float] = report["seconds"]
        self.failed: list[str] = report["failed"]
        self.sources: dict[str, str] = report["sources"]
        self._names: list[str] = report["names"]
        self._lines: dict[str, dict[str, list[int]]] = report["lines"]

    def tests(self, path: str, code: str, first: int, last: int) -> set[str]:
        """Node ids of the tests that ran lines `first` to `last`, which may have moved since."""
        lines = self._lines.get(path, {})
        if not lines:
            return set()
        before, after = self.sources[path].splitlines(), code.splitlines()
        if before == after:
            numbers = set(range(first, last + 1))
        else:
            blocks = difflib.SequenceMatcher(None, before, after, autojunk=False)
            numbers = {
                block.a + line + 1
                for block in blocks.get_matching_blocks()
                for line in range(block.size)
                if first <= block.b + line + 1 <= last
            }
        indices = {index for number in numbers for index in lines.get(str(number), ())}
        reaching = {self._names[index] for index in indices}
        files = {test for test in reaching if "::" not in test}
        return {
            test
            for test in self.seconds
            if (test in reaching or test.split("::")[0] in files) and test not in self.failed
        }


class Reach:
    """All lanes together."""

    def __init__(self, lanes: list[Lane]) -> None:
        self.lanes = lanes
        self.seconds = {test: spent for lane in lanes for test, spent in lane.seconds.items()}

    def tests(self, path: str, line: int, code: str) -> list[str]:
        """Node ids of the tests that run the statement at a line, the quickest first."""
        extent = _extent(ast.parse(code), line)
        chosen = set[str]().union(*(lane.tests(path, code, *extent) for lane in self.lanes))
        if not chosen:  # what is run as it is imported, in a file without functions
            own = [lane for lane in self.lanes if lane.room in Path(path).parts]
            chosen = {test for lane in own for test in lane.seconds if test not in lane.failed}
        return sorted(chosen, key=lambda test: self.seconds[test])


def _extent(tree: ast.Module, line: int) -> tuple[int, int]:
    """First and last line of the statement at `line`; of all lines where no function holds it."""
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body[0].lineno <= line <= (node.end_lineno or 0)
    ]
    if not functions:
        return 1, 1_000_000
    inner = functions[-1]
    statements = [
        (node.lineno, _last_line(node))
        for node in ast.walk(inner)
        if isinstance(node, ast.stmt | ast.excepthandler)
        and node.lineno <= line <= _last_line(node)
    ]
    whole = inner.body[0].lineno, inner.end_lineno or inner.lineno  # the line of a `case`, say
    return min(statements, key=lambda extent: extent[1] - extent[0], default=whole)


def _last_line(node: ast.stmt | ast.excepthandler) -> int:
    """Of a statement that holds others, the last line of its head."""
    body = getattr(node, "body", None)
    return body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno or node.lineno


def measure(copy: Path, cache: Path, jobs: int) -> Reach:
    """Run in `copy` the folders of tests that changed since; the rest is in `cache`."""
    cache.mkdir(exist_ok=True)
    for site in copy.glob(".venv/lib/python*/site-packages"):
        (site / "reach.pth").write_text("import coverage; coverage.process_startup()\n")
    with ThreadPoolExecutor(jobs) as pool:
        return Reach(list(pool.map(lambda tests: _lane(copy, cache, tests), _test_folders())))


def _test_folders() -> list[str]:
    """Such as tests/unit/rules; not the browser's and the acceptance tests, which are long."""
    files = {file.parent for file in ROOT.glob("tests/*/*/test_*.py")}
    files |= set(ROOT.glob("tests/unit/test_*.py"))
    return sorted(str(file.relative_to(ROOT)) for file in files)


def _lane(copy: Path, cache: Path, tests: str) -> Lane:
    folder = cache / f"{tests.replace('/', '-')}-{_sum(tests)[:12]}"
    if not (folder / "report").exists():
        folder.mkdir(exist_ok=True)
        _run(copy, folder, tests)
        _keep(copy, folder)
    return Lane(folder)


def _run(copy: Path, folder: Path, tests: str) -> None:
    settings = folder / "settings"
    source = "\n  ".join(str(copy / name) for name in CODE)
    settings.write_text(SETTINGS.format(data=folder / "data", source=source))
    command = (str(copy / ".venv/bin/python"), "-m", "pytest", "-q", "-p", "tests.reach")
    options = ("-p", "no:cacheprovider", "-o", "timeout=900", "-m", "not long")
    environment = {"COVERAGE_PROCESS_START": str(settings), REPORT: str(folder / "tests"), TEST: ""}
    with (folder / "log").open("wb") as log:
        subprocess.run(
            [*command, *options, tests],
            cwd=copy,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )


def _keep(copy: Path, folder: Path) -> None:
    """Write what was measured as one file, and remove the pieces."""
    pieces = sorted(folder.glob("data.*"))
    whole = coverage.Coverage(data_file=str(folder / "data"), config_file=False)
    whole.combine([str(piece) for piece in pieces])
    data = whole.get_data()
    names = sorted(filter(None, data.measured_contexts()))
    index = {name: position for position, name in enumerate(names)}
    lines, sources = {}, {}
    for name in data.measured_files():
        path = str(Path(name).relative_to(copy))
        tests_of = data.contexts_by_lineno(name)
        lines[path] = {
            line: [index[test] for test in tests if test] for line, tests in tests_of.items()
        }
        sources[path] = Path(name).read_text()
    report = json.loads((folder / "tests").read_text()) | {"names": names, "lines": lines}
    report["sources"] = sources
    (folder / "report").write_text(json.dumps(report))
    (folder / "data").unlink(missing_ok=True)


def _sum(folder: str) -> str:
    """Of the files below a folder that git keeps, or will."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    total = sha256()
    for name in sorted(filter(None, names)):
        path = ROOT / os.fsdecode(name)
        total.update(name + b"\0" + (path.read_bytes() if path.is_file() else b""))
    return total.hexdigest()


if __name__ == "__main__":
    sys.exit("a plugin of pytest and a part of `make mutants`")
