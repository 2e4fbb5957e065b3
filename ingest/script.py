"""A vendor's script from its file, with the files that it requires or imports made part of it."""

import json
import re
from pathlib import Path

from ingest.prelude import convert_module, list_imports
from sensors._errors import TerritoryError
from sensors._foreign import ForeignError, read_file

_LARGEST = 2 * 1024 * 1024  # bytes of all files together
_REQUIRED = re.compile(r"""\brequire\s*\(\s*(["'])(\.{1,2}/[^"'\n]+)\1\s*\)""")
_ENDINGS = ("", ".js", ".cjs", ".mjs", ".json", "/index.js")
_SCRIPTS = {".js", ".cjs", ".mjs", ".json"}
_LINES_BEFORE = re.compile(r"/\* lines before the script: ([0-9]+) \*/")
_LOADER = """\
/* lines before the script: {} */
var require = (function (outer, files) {
  var loaded = {};
  function load(id) {
    if (loaded[id]) return loaded[id].exports;
    var module = loaded[id] = { exports: {} };
    files[id][0].call(module.exports, module, module.exports, requiring(files[id][1]));
    return module.exports;
  }
  function requiring(names) {
    return function require(name) {
      if (Object.prototype.hasOwnProperty.call(names, name)) return load(names[name]);
      if (typeof outer === "function") return outer(name);
      throw new Error("no module " + name);
    };
  }
  return requiring(files[0][1]);
})(globalThis.require, [
"""


class ScriptFileError(TerritoryError):
    """A script's file is not there, or no text in UTF-8; says which byte."""


def read_text(path: Path) -> str:
    """A text file without its byte order mark.

    Raises:
        ScriptFileError: it is no UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = read_file(file, _LARGEST)
    except OSError as error:
        raise ScriptFileError(f"{path}: {error.strerror}") from error
    except ForeignError as error:
        raise ScriptFileError(f"{path}: {error}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScriptFileError(
            f"{path}:{line}: byte {error.start} (0x{data[error.start]:02x}) is not UTF-8; expected"
            " a text in UTF-8: `iconv -f windows-1252 -t utf-8` makes one of most others"
        ) from error


def read_script(path: Path) -> str:
    """A script; where it requires or imports files by a relative path, with those before it.

    A required file that is not there is left to `require`, which says so if it is ever reached.

    Raises:
        ScriptFileError: one of the files cannot be read, or they are too large together.
    """
    texts: dict[Path, str] = {}
    names: dict[Path, dict[str, Path]] = {}
    waiting = [path.resolve()]
    while waiting:
        file = waiting.pop()
        if file in texts:
            continue
        texts[file] = read_text(file)
        if sum(map(len, texts.values())) > _LARGEST:
            raise ScriptFileError(f"{path}: more than {_LARGEST} bytes with the files it requires")
        names[file] = {} if file.suffix == ".json" else _required(file, texts[file])
        waiting += names[file].values()
    main = path.resolve()
    if not names[main]:
        return texts[main]
    order = {file: place for place, file in enumerate(texts)}
    parts = ",\n".join(_part(file, texts[file], names[file], order, main) for file in texts)
    before = f"{_LOADER}{parts}]);\n"
    return before.replace("{}", str(before.count("\n")), 1) + (
        convert_module(texts[main]) or texts[main]
    )


def count_lines_before(script: str) -> int:
    """How many lines of a script with the files that it requires are not those of its own file."""
    match = _LINES_BEFORE.match(script)
    return int(match[1]) if match else 0


def _required(file: Path, text: str) -> dict[str, Path]:
    """The files that a script requires or imports, by the names by which it does."""
    files = {}
    imports = (name for name in list_imports(text) if name.startswith(("./", "../")))
    for name in (*(name for _, name in _REQUIRED.findall(text)), *imports):
        tries = (file.parent / f"{name}{ending}" for ending in _ENDINGS)
        there = next((target for target in tries if target.is_file()), None)
        if there is not None and there.suffix in _SCRIPTS:
            files[name] = there.resolve()
    return files


def _part(file: Path, text: str, names: dict[str, Path], order: dict[Path, int], main: Path) -> str:
    """A file as a function, beside the places of those that it requires."""
    places = json.dumps({name: order[target] for name, target in names.items()})
    if file == main:
        body = ""  # it follows the loader, in the scope where servers look for its functions
    elif file.suffix == ".json":
        body = f"module.exports = ({text});"
    else:
        body = f"\n{convert_module(text) or text}\n"
    return f"[function (module, exports, require) {{{body}}}, {places}]"
