"""Refuse identifiers that say nothing, as `make check` runs it: `python -m tests.plain_words`."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

BANNED = frozenset({"one", "found", "asked", "told", "said", "known", "wanted", "wish"})
HELD = ("hypervisor", "benchmarks", "dashboards", "ingest", "rules", "sensors", "simulators")
_TEXT = re.compile(r'//.*|"[^"\n]*"')  # of a script: comments and texts
_NAME = re.compile(r"(?<![\w$-])(?<![\w$)\]?]\.)[a-z]+(?![\w$-])")  # no property of something


def python_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
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


def script_names(text: str) -> Iterator[tuple[int, str]]:
    """(line, name) of each name in a script that is no property."""
    for number, line in enumerate(text.splitlines(), 1):
        for name in _NAME.findall(_TEXT.sub("", line)):
            yield number, name


def main() -> int:
    folders = sys.argv[1:] or HELD
    patterns = [f"{folder}/*.{kind}" for folder in folders for kind in ("py", "js")]
    command = ["git", "ls-files", "--", *patterns]
    files = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    count = 0
    for file in files:
        text = Path(file).read_text(encoding="utf-8")
        listed = script_names(text) if file.endswith(".js") else python_names(ast.parse(text))
        for line, name in listed:
            if name.strip("_").lower() in BANNED:
                print(f"{file}:{line}: {name!r} says nothing: name what it holds or does")
                count += 1
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main())
