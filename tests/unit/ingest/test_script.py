"""Scripts from files: their encoding, and the files that they require."""

from pathlib import Path
from typing import Any

import pytest

from ingest.sandbox import Sandbox, ScriptError
from ingest.script import ScriptFileError, read_script, read_text

MAIN = "const u = require('../shared/units');\nexports.decodeUplink = (i) => ({data: {x: u(i)}});"


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / next(iter(files))


def data_of(script: str) -> Any:
    sandbox = Sandbox(script)
    try:
        return sandbox.decode(b"\x03", port=1, millis=0, variables={})["data"]
    finally:
        sandbox.close()


def test_required_files_become_part_of_the_script(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        {
            "device/main.js": MAIN,
            "shared/units/index.js": "const t = require('./table.json'), b = require(\"./b\");\n"
            "module.exports = (i) => t.factor * i.bytes[0] + b.more + exports.none.length;\n"
            "exports.none = '';",
            "shared/units/table.json": '{"factor": 10}',
            # in a circle, as Node takes it: what the other has exported so far
            "shared/units/b.js": "exports.more = 1; const up = require('./index.js');\n"
            "exports.more += typeof up.none === 'undefined' ? 1 : 100;",
        },
    )
    assert data_of(read_script(main)) == {"x": 32}


def test_imported_files_become_part_of_the_script(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        {
            "main.js": "import scale, {add, more as extra} from './lib/units.js';\n"
            "import * as lib from './lib/units';\nimport './lib/side.mjs';\n"
            "import table from './lib/table.json'\nimport { half } from './lib/node.cjs';\n"
            "export function decodeUplink(i) {\n"
            "  return {data: {x: scale(add(i.bytes[0], extra)) + lib.one + table.ten + half(4),\n"
            "                 side: globalThis.side}} }",
            "lib/units.js": "import { one } from './ones';\nexport { one };\n"
            "export const more = 4;\nexport function add(a, b) { return a + b }\n"
            "export default function scale(x) { return 100 * x }",
            "lib/ones.js": "export * from './deep.js';\n"
            "export {\n two as second\n} from './deep.js';",
            "lib/deep.js": "export let one = 1;\nexport class two {}\n"
            "/*\nexport const three = 3;\n*/ const four = `\nexport default 5`;",
            "lib/side.mjs": "globalThis.side = 'done';",
            "lib/table.json": '{"ten": 10}',
            "lib/node.cjs": "exports.half = (x) => x / 2;",
        },
    )
    assert data_of(read_script(main)) == {"x": 713, "side": "done"}


def test_a_line_is_that_of_the_scripts_own_file(tmp_path: Path) -> None:
    library = "exports.fail = () => {\n\n\n\n\n null.x };\nexports.none = null;"
    main = write(
        tmp_path,
        {
            "main.js": "var b = require('./b');\nfunction decodeUplink(i) {\n return b.none() }",
            "b.js": library,
        },
    )
    with pytest.raises(ScriptError, match=r"not a function \(in decodeUplink, line 3\)$"):
        data_of(read_script(main))
    main.write_text("var b = require('./b');\nfunction decodeUplink(i) { b.fail() }")
    with pytest.raises(ScriptError, match=r"of null$"):
        data_of(read_script(main))


def test_files_that_are_not_there_are_missed_only_where_they_are_used(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        {
            "main.js": "function decodeUplink(i) {"
            " return {data: i.fPort === 1 ? {} : require('./x')} }"
        },
    )
    assert data_of(read_script(main)) == {}
    early = write(tmp_path, {"early.js": "var x = require('./x.js'); exports.decodeUplink = x.d;"})
    with pytest.raises(ScriptError, match="no such module in a decoder"):
        data_of(read_script(early))


def test_only_scripts_and_json_become_part_of_it(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        {
            "main.js": "try { require('./key.pem') } catch (e) {}\n"
            "function decodeUplink(i) { return {data: {x: 1}} }",
            "key.pem": "a secret",
        },
    )
    assert "secret" not in read_script(main)
    assert data_of(read_script(main)) == {"x": 1}


def test_a_script_that_requires_nothing_is_unchanged(tmp_path: Path) -> None:
    text = "function decodeUplink(i) { return {data: {x: 'é'}} }\r\n"
    assert read_script(write(tmp_path, {"main.js": text})) == text
    with_mark = write(tmp_path, {"mark.js": b"\xef\xbb\xbf" + text.encode()})
    assert read_script(with_mark) == text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"// ok\n// caf\xe9\n", r"main.js:2: byte 12 \(0xe9\) is not UTF-8; expected a text in"),
        ("// texte\n".encode("utf-16"), r"main.js:1: byte 0 \(0xff\) is not UTF-8"),
    ],
)
def test_a_file_that_is_not_utf8_is_named_with_its_byte(
    tmp_path: Path, data: bytes, words: str
) -> None:
    with pytest.raises(ScriptFileError, match=words):
        read_script(write(tmp_path, {"main.js": data}))


def test_a_required_file_that_is_not_utf8_is_the_one_named(tmp_path: Path) -> None:
    main = write(tmp_path, {"main.js": "require('./b.js')", "b.js": b"\xff"})
    with pytest.raises(ScriptFileError, match=r"b\.js:1: byte 0 "):
        read_script(main)


def test_files_that_are_too_large_together(tmp_path: Path) -> None:
    main = write(tmp_path, {"main.js": "require('./b.js')", "b.js": " " * (2 * 1024 * 1024)})
    with pytest.raises(ScriptFileError, match="more than 2097152 bytes"):
        read_script(main)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScriptFileError, match="No such file"):
        read_text(tmp_path / "gone.js")
