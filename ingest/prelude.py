"""What a vendor's script finds around it, in JavaScript of our own (ingest/javascript).

Network servers give scripts little more than the language: a console, module and exports, Buffer.
The clock and the dice are the message's: `new Date()` is its time. What costs memory, and so time
with every message, is there only for a script that mentions it.
"""

import functools
import json
import re
from collections.abc import Iterator
from importlib.resources import files

_OPTIONAL = {
    "bytes.js": re.compile(r"Buffer|TextDecoder|TextEncoder|require"),
    "locale.js": re.compile(r"toLocale(?:Date|Time)?String"),
    "require.js": re.compile(r"\brequire\b"),
}
_EXPORT = re.compile(
    r"(?:^|(?<=[;}]))(\s*)export\b[ \t]*"
    r"(?:default\b[ \t]*(?:(?=(?:async[ \t]+)?function\b[ \t*]*\w|class[ \t]+\w)|(.)))?",
    re.MULTILINE | re.DOTALL,
)
_IMPORT = re.compile(r"^\s*import\b[^(\n]*[\"'].*$", re.MULTILINE)
_EXPORTED_NAMES = re.compile(r"\{([^{}]*)\}[ \t]*;?")
_RENAMED = re.compile(r"^([\w$]+)(?:\s+as\s+([\w$]+))?$")


@functools.cache
def _javascript(name: str) -> str:
    return (files("ingest") / "javascript" / name).read_text(encoding="utf-8")


def list_preludes(script: str) -> Iterator[str]:
    """JavaScript to run before a vendor's script, piece by piece."""
    yield _javascript("before.js")
    for name, mention in _OPTIONAL.items():
        if mention.search(script):
            yield _javascript(name)


def wrap_script(script: str) -> str:
    """JavaScript that loads a vendor's script as a network server would.

    That is in sloppy mode, which the engine's own evaluation is not, and in which many scripts use
    a variable that they never declare; and with what follows in the same scope, so that a function
    held by a `const` is found, too.
    """
    return f"void (0, eval)({json.dumps(script + chr(10) + ';' + _javascript('after.js'))});"


def find_import(script: str) -> str | None:
    """The line in which an ECMAScript module imports another."""
    match = _IMPORT.search(script)
    return match and match[0].strip()


def strip_exports(script: str) -> str | None:
    """An ECMAScript module as a plain script that exports as Node's do; None: it is no module."""
    if not _EXPORT.search(script):
        return None
    pieces, end = [], 0
    for match in _EXPORT.finditer(script):
        if match.start() < end:
            continue
        pieces.append(script[end : match.start()] + match[1])
        end = match.end()
        names = _EXPORTED_NAMES.match(script, end)
        if match[2]:  # a default without a name of its own
            pieces.append(f"module.exports.default = {match[2]}")
        elif names:
            pieces.append(_assign_exports(names[1]))
            end = names.end()
    return "".join([*pieces, script[end:]])


def _assign_exports(names: str) -> str:
    """`a, b as c` as statements."""
    matches = [_RENAMED.match(name.strip()) for name in names.split(",")]
    return " ".join(f"exports.{m[2] or m[1]} = {m[1]};" for m in matches if m)
