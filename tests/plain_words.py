"""Refuse identifiers that say nothing, as `make check` runs it: `python -m tests.plain_words`."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

BANNED = frozenset({"one", "found", "asked", "told", "said", "known", "wanted", "wish"})
HELD = ("hypervisor", "benchmarks", "dashboards", "ingest", "rules", "sensors", "simulators")


def names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, name) of each variable, argument, field, function and class, but keys kept as old."""
    old: set[ast.expr] = set()
    for node in ast.walk(tree):  # an assignment comes before its targets
        match node:
            case ast.Assign(targets=targets, value=ast.Call(func=ast.Name(id="old_key"))):
                old.update(targets)
            case ast.Name() if node in old:
                continue
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name


def main() -> int:
    command = ["git", "ls-files", "--", *(f"{folder}/*.py" for folder in sys.argv[1:] or HELD)]
    files = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    count = 0
    for file in files:
        for line, name in names(ast.parse(Path(file).read_text(encoding="utf-8"))):
            if name.strip("_").lower() in BANNED:
                print(f"{file}:{line}: {name!r} says nothing: name what it holds or does")
                count += 1
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main())
