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

_SERVERS = "ChirpStack or The Things Stack"
_EXPECTED = "expected function decodeUplink(input) { … }"
_OPTIONAL = {
    "bytes.js": re.compile(r"Buffer|TextDecoder|TextEncoder|require"),
    "locale.js": re.compile(r"toLocale(?:Date|Time)?String"),
    "require.js": re.compile(r"\brequire\b|^[ \t]*import\b", re.MULTILINE),
}
_EXPORT = re.compile(
    r"(?:^|(?<=[;}\0]))(\s*)export\b[ \t]*"
    r"(?:(default)\b[ \t]*(?:(?=(?:async[ \t]+)?function\b[ \t*]*\w|class[ \t]+\w)|(.)))?",
    re.MULTILINE | re.DOTALL,
)
_IMPORT = re.compile(
    r"""^([ \t]*)import\s*(?:(?P<names>[\w$*{][^;"'()]*?)from\s*)?"""
    r"""(["'])(?P<module>[^"'\n]+)\3[ \t]*;?""",
    re.MULTILINE,
)
_EXPORT_FROM = re.compile(
    r"""^([ \t]*)export\s*(?P<names>\*|\{[^{}]*\})\s*from\s*"""
    r"""(["'])(?P<module>[^"'\n]+)\3[ \t]*;?""",
    re.MULTILINE,
)
_DECLARED = re.compile(r"(?:async\s+)?(?:function\b\s*\*?|class\b|const\b|let\b|var\b)\s*([\w$]+)")
_COMMENTS_AND_TEXTS = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""", re.DOTALL
)
_KEPT = re.compile("\0([0-9]+)\0")
_EXPORTED_NAMES = re.compile(r"\{([^{}]*)\}[ \t]*;?")
_UNDEFINED = re.compile(r"^ReferenceError: ([\w$]+) is not defined$")
_OTHER_PLATFORMS = {  # what only they have, and scripts written for them use
    "payload": "TagoIO or ThingsBoard",
    "device": "TagoIO",
    "metadata": "ThingsBoard",
    "decodeToJson": "ThingsBoard",
    "LoRaObject": "Milesight's gateways",
    "normalizedPayload": "Datacake",
    "rawPayload": "Datacake",
    "Device": "Lobaro's platform",
    "Bits": "akenza",
    "Hex": "akenza",
    "emit": "akenza",
    "msg": "Node-RED",
    "process": "Node.js",
    "document": "a browser",
    "window": "a browser",
    "localStorage": "a browser",
    "setTimeout": "a browser or Node.js",
    "fetch": "a browser or Node.js",
}
_RENAMED = re.compile(r"^([\w$]+)(?:\s+as\s+([\w$]+))?$")


@functools.lru_cache
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


def explain(problem: str) -> str:
    """What to do about a script's error that says that it was written for another platform."""
    match = _UNDEFINED.match(problem)
    if match and match[1] in _OTHER_PLATFORMS:
        platform = _OTHER_PLATFORMS[match[1]]
        return f": it exists only in {platform}; take the vendor's decoder for {_SERVERS}"
    if problem.startswith("SyntaxError: return not in a function"):
        return f": it is a function's body, as Node-RED and ThingsBoard take it; {_EXPECTED}"
    return ""


def list_imports(script: str) -> Iterator[str]:
    """The names of the modules that an ECMAScript module imports, perhaps in a comment."""
    for statement in (_IMPORT, _EXPORT_FROM):
        for match in statement.finditer(script):
            yield match["module"]


def convert_module(script: str) -> str | None:
    """An ECMAScript module as a script of Node's, line for line; None: it is no module."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if match[0][:2] != "/*" and match[0][0] != "`":
            return match[0]
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    bare = _COMMENTS_AND_TEXTS.sub(keep, script)
    plain = _convert_exports(_EXPORT_FROM.sub(_pass_on, _IMPORT.sub(_require, bare)))
    return None if plain == bare else _KEPT.sub(lambda match: kept[int(match[1])], plain)


def _convert_exports(plain: str) -> str:
    pieces, exported, end = [], [], 0
    for match in _EXPORT.finditer(plain):
        if match.start() < end:
            continue
        pieces.append(plain[end : match.start()] + match[1])
        end = match.end()
        names = _EXPORTED_NAMES.match(plain, end)
        declared = _DECLARED.match(plain, end)
        if match[3]:  # a default without a name of its own
            pieces.append(f"module.exports.default = {match[3]}")
        elif names:
            pieces.append("\n" * names[0].count("\n"))
            exported += _list_renamed(names[1])
            end = names.end()
        elif declared:
            exported.append((declared[1], match[2] or declared[1]))
    assignments = " ".join(f"exports.{alias} = {name};" for name, alias in exported)
    return "".join([*pieces, plain[end:], f"\n;{assignments}" if assignments else ""])


def _list_renamed(names: str) -> list[tuple[str, str]]:
    """`a, b as c` as pairs: a name, and that by which it goes elsewhere."""
    matches = [_RENAMED.match(name.strip()) for name in names.split(",")]
    return [(m[1], m[2] or m[1]) for m in matches if m]


def _pass_on(match: re.Match[str]) -> str:
    """An export of what another module exports, on as many lines."""
    module, padding = f"require({json.dumps(match['module'])})", "\n" * match[0].count("\n")
    if match["names"] == "*":
        return f"{match[1]}Object.assign(exports, {module});{padding}"
    pairs = _list_renamed(match["names"].strip("{}"))
    exports = " ".join(f"exports.{alias} = {module}.{name};" for name, alias in pairs)
    return f"{match[1]}{exports}{padding}"


def _require(match: re.Match[str]) -> str:
    """An import as what Node has for it, on as many lines."""
    module = f"require({json.dumps(match['module'])})"
    names, padding = match["names"], "\n" * match[0].count("\n")
    if not names:
        return f"{match[1]}{module};{padding}"
    parts = []
    listed = _EXPORTED_NAMES.search(names)
    if listed:
        pairs = ", ".join(f"{name}: {alias}" for name, alias in _list_renamed(listed[1]))
        parts.append(f"{{{pairs}}} = {module}")
        names = names[: listed.start()]
    for name in filter(None, (part.strip() for part in names.split(","))):
        whole = name.removeprefix("*").strip().removeprefix("as ")
        parts.append(
            f"{whole} = {module}"
            if name.startswith("*")
            else f"{name} = (function (m) {{ return 'default' in m ? m.default : m; }})({module})"
        )
    return f"{match[1]}const {', '.join(parts)};{padding}"
