"""Every wait of the product has an end, or is named here with the reason why it needs none."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("hypervisor", "ingest", "simulators", "dashboards", "rules", "sensors")
# Waits for the next job, or that something else ends: by file, function and call, each with why.
ENDLESS = {
    "hypervisor/backtest/evaluate.py": {
        "work: ahead.result": "a read of the database, in a thread: its session ends it",
    },
    "hypervisor/backtest/worker_pool.py": {
        "backtest_by_workers: ours.result": "our own share of the computing",
        "backtest_by_workers: rules.result": "the same",
        "_run: future.result": "of one that is done",
    },
    "hypervisor/backtest/worker_process.py": {
        "results: self.pipe.recv": "the helper's share of the computing; its end ends the pipe",
    },
    "hypervisor/bench/backtest.py": {"_bare: with Popen": "a measurement that a person looks at"},
    "hypervisor/bench/bare.py": {"work: given.get": "the next job of a thread"},
    "hypervisor/bench/bare_workers.py": {
        "evaluate_by_bare_processes: process.join": "a measurement that a person looks at",
    },
    "hypervisor/bench/publisher.py": {
        "await_acknowledged: while self.acknowledged < messages": "who started it ends it",
    },
    "hypervisor/bench/rules.py": {
        "evaluate: pipe.recv": "a measurement that a person looks at",
        "_serve: pipe.recv": "the next job of a process; the pipe ends with its parent",
    },
    "hypervisor/cluster/patroni_start.py": {
        "look_for_ever: while True": "a daemon thread of a process that Patroni ends",
    },
    "hypervisor/feeds/fetch.py": {"_fetch_or_stop: task.result": "of one that is done"},
    "hypervisor/feeds/recorded.py": {"serve: stop.wait": "a server runs until Ctrl-C"},
    "hypervisor/readings/ingest_parts.py": {"_await: answer.result": "of one that is done"},
    "hypervisor/stack/database_programs.py": {
        "run_program: with Popen": "killed when it stands still",
        "run_program: child.communicate": "the same",
    },
    "hypervisor/web/budget_guard.py": {
        "again: asyncio.Event().wait": "until the client goes; the budget ends the request",
    },
    "hypervisor/web/worker_process.py": {
        "receive: asyncio.Event().wait": "the same",
    },
    "ingest/engine.py": {"count: while True": "a thread that counts processor time"},
    "ingest/storer.py": {"_work: self._given.get": "the next job of a thread"},
}
BLOCKING = {"wait", "join", "acquire", "get", "result", "communicate", "recv"}
PROGRAMS = {"run", "call", "check_call", "check_output"}
OURS = {"psycopg.connect", *(f"subprocess.{name}" for name in PROGRAMS)}
NAMES = {*BLOCKING, *PROGRAMS, "urlopen", "create_connection", "flock", "lockf", "connect"}
# What a file has that waits: most are not parsed.
MAY_WAIT = re.compile(
    r"\.(wait|join|acquire|get|result|communicate|recv)\(\s*\)|\.communicate\(|\bsleep\(|Popen"
    r"|subprocess\.|urlopen|create_connection|flock|lockf|psycopg\.connect"
)
LOOKS = re.compile(r"\b(monotonic|perf_counter|stopping|stop|stopped|ends|poll|requested)\b")


def find_endless_waits(text: str) -> Iterator[str]:
    """Each as `function: call`."""
    tree = ast.parse(text)
    variables = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Call)
        and "ContextVar" in ast.unparse(node.value.func)
        for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
        if isinstance(target, ast.Name)
    }
    for function, node in _walk(tree, "module"):
        if isinstance(node, ast.Call) and _is_endless(node, variables):
            yield f"{function}: {ast.unparse(node.func)}"
        elif isinstance(node, ast.While) and _stands(node):
            yield f"{function}: while {ast.unparse(node.test)}"
        elif isinstance(node, ast.With) and any(_is_child(each) for each in node.items):
            yield f"{function}: with Popen"


def _walk(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if _is_timed(child):
            continue
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else ""
        yield function, child
        yield from _walk(child, inner if is_function else function)


def _is_timed(node: ast.AST) -> bool:
    """Whether asyncio ends what is within."""
    if isinstance(node, ast.AsyncWith):
        return any("asyncio.timeout" in ast.unparse(each) for each in node.items)
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "asyncio.wait_for"


def _is_endless(call: ast.Call, variables: set[str]) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name not in NAMES:
        return False
    named, text = {keyword.arg for keyword in call.keywords}, ast.unparse(call)
    owner = ast.unparse(call.func).rpartition(".")[0]
    if name in PROGRAMS or name == "connect":
        return f"{owner}.{name}" in OURS and "timeout" not in named and "guarded" not in text
    if name in {"flock", "lockf"}:
        return not re.search("LOCK_NB|LOCK_UN", text)
    if name in {"urlopen", "communicate", "create_connection"}:
        return "timeout" not in named and (name != "create_connection" or len(call.args) < 2)
    return bool(owner) and owner not in variables and not call.args and not named


def _stands(loop: ast.While) -> bool:
    """Whether a loop sleeps and looks neither at a clock nor whether it should stop."""
    text = ast.unparse(loop)
    return "time.sleep(" in text and not LOOKS.search(text)


def _is_child(item: ast.withitem) -> bool:
    call = item.context_expr
    return isinstance(call, ast.Call) and ast.unparse(call.func).endswith("Popen")


def test_every_wait_has_an_end_or_is_named_with_a_reason() -> None:
    waits = {
        str(file.relative_to(ROOT)): set(found)
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*.py")
        if MAY_WAIT.search(text := file.read_text("utf-8"))
        and (found := list(find_endless_waits(text)))
    }
    assert waits == {file: set(reasons) for file, reasons in ENDLESS.items()}


@pytest.mark.parametrize(
    "line",
    [
        "child.wait()",
        "thread.join()",
        "lock.acquire()",
        "queue.get()",
        "future.result()",
        "child.communicate()",
        "child.communicate(b'')",
        "subprocess.run(['x'], check=True)",
        "subprocess.check_output(['x'])",
        "urlopen(address)",
        "socket.create_connection((host, port))",
        "fcntl.flock(file, fcntl.LOCK_EX)",
        "psycopg.connect(url)",
        "pipe.recv()",
        "while not ready():\n    time.sleep(1)",
        "with subprocess.Popen(['x']) as child:\n    pass",
    ],
)
def test_a_wait_without_an_end_is_noticed(line: str) -> None:
    assert list(find_endless_waits(line))


@pytest.mark.parametrize(
    "line",
    [
        "child.wait(5)",
        "thread.join(timeout=1)",
        "lock.acquire(blocking=False)",
        "lock.acquire(timeout=1)",
        "queue.get(timeout=1)",
        "row.get('name')",
        "async def f() -> None:\n    await asyncio.wait_for(changed.wait(), 5)",
        "async def f() -> None:\n    async with asyncio.timeout(5):\n        await lock.acquire()",
        "','.join(words)",
        "subprocess.run(['x'], timeout=5)",
        "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "while not stopping():\n    time.sleep(1)",
        "X = ContextVar('x')\nX.get()",
    ],
)
def test_a_wait_with_an_end_is_let_be(line: str) -> None:
    assert not list(find_endless_waits(line))
