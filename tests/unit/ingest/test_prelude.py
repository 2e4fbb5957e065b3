"""What a vendor's script finds around it: as Node.js 20 has it, from which the values are."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.sandbox import Bounds, Failure, Sandbox, ScriptError

SUNDAY = 1_711_846_800_000  # 2024-03-31T01:00:00Z, when summer time begins in France
HANDFUL = 50  # expressions of a message


def run(script: str, *, payload: bytes = b"\x01\xff", port: int = 2) -> Any:
    sandbox = Sandbox(script, bounds=Bounds(seconds=1))
    try:
        return sandbox.decode(payload, port=port, millis=SUNDAY, variables={})
    finally:
        sandbox.close()


def value_of(expression: str) -> Any:
    return run(f"function decodeUplink(i) {{ return {{data: {{x: {expression}}}}} }}")["data"]["x"]


def test_as_node_has_it() -> None:
    """Each of the file is an expression and what Node.js 20 makes of it, in UTC."""
    file = Path(__file__).with_name("node_values.json")
    cases = json.loads(file.read_text(encoding="utf-8"))
    texts = json.dumps([expression for expression, _ in cases])
    sandbox = Sandbox(
        f"""/* Buffer, TextDecoder, toLocaleString */ var texts = {texts}, run = eval;
        function valueOf(text) {{
          try {{ var value = run("(" + text + ")"); return value === undefined ? null : value; }}
          catch (error) {{ return {{throws: error.name + ": " + error.message}}; }}
        }}
        function decodeUplink(input) {{
          var at = input.fPort * {HANDFUL};
          return {{data: {{values: texts.slice(at, at + {HANDFUL}).map(valueOf)}}}};
        }}""",
        bounds=Bounds(seconds=3),
    )
    values: list[Any] = []
    for number in range(len(cases) // HANDFUL + 1):
        values += sandbox.decode(b"", port=number, millis=0, variables={})["data"]["values"]
    differences = [
        (expression, value, given)
        for (expression, value), given in zip(cases, values, strict=True)
        if given != value
    ]
    sandbox.close()
    assert differences == []
    assert len(cases) > 500


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("Buffer.from(5)", "TypeError: The first argument must be of type string or an instance"),
        ("Buffer.alloc('5')", "RangeError"),
        ("Buffer.alloc(8).writeBigInt64LE(2n ** 63n)", "RangeError"),
        ("Buffer.alloc(8).readUIntLE(0, 1.5)", "RangeError"),
        ("new TextDecoder('klingon')", "klingon"),
        ("new Date().toLocaleString('fr', {timeZone: 'Europe/Atlantis'})", "Europe/Atlantis"),
        ("require('fs').readFileSync('/etc/passwd')", "fs.readFileSync is not to be had"),
        ("require('./other')", r'require\("./other"\): no such module'),
    ],
)
def test_what_is_refused(expression: str, words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        value_of(expression)


def test_the_clock_that_is_written_for_people_is_the_messages() -> None:
    assert value_of("new Date().toLocaleString()") == "3/31/2024, 1:00:00 AM"
    assert value_of("new TextDecoder('latin1').decode(new Uint8Array([128, 233]))") == "€é"


FORMS = [
    "var driver = {decodeUplink: function (i) { return {data: {x: this.y}} }, y: 1};",
    "const driver = {decodeUplink: (i) => ({data: {x: 1}})};",
    "var codec; (() => { codec = {decodeUplink: function (i) { return {data: {x: 1}} }} })();",
    "exports.driver = {decodeUplink: (i) => ({data: {x: 1}})};",
    "exports.default = {Decoder: (bytes, port) => ({x: bytes[0] + port - 2})};",
    "module.exports = function decodeUplink(i) { return {data: {x: 1}} };",
    "module.exports = function Decoder(bytes, port) { return {x: bytes[0] + port - 2} };",
    "global.decodeUplink = (i) => ({data: {x: 1}});",
    ("(function (root) { root.lib = {Decode: (port, bytes) => ({x: port + bytes[0] - 2})} })"
    "(typeof globalThis !== 'undefined' ? globalThis : this);"),
    "export function decodeUplink(i) { return {data: {x: 1}} }",
    "export async function other() {}\nexport const decodeUplink = (i) => ({data: {x: 1}});",
    "export default function decodeUplink(i) { return {data: {x: 1}} }",
    "export default function (i) { return {data: {x: 1}} }",
    "export default (i) => ({data: {x: 1}})",
    "export default {\n  decodeUplink(i) { return {data: {x: 1}} }\n};",
    ("export default class Codec { static decodeUplink(i) { return {data: {x: 1}} } }\n"
    "export { Codec as driver };"),
    "function f(i) { return {data: {x: 1}} }\nexport { f as decodeUplink, f as g };",
    "var f=i=>({data:{x:1}});export{f as decodeUplink};",
    ("/* export is only a word here */ function decodeUplink(i) {\n"
    "  return {data: {x: `\nexport default`.length - 14}} }"),
    "function decodeUplink(i) { return {x: 1} }",  # Actility takes the fields themselves, too
    ("function Decode(port, bytes) { return {x: bytes[0]} }\n"
    "module.exports = function (payload, meta) { return meta.port };"),  # for another platform
    ("var lib = {}; lib.Decoder = function Decoder() {};\n"
    "lib.Decoder.prototype.decode = function () {};\n"  # a class of that name is no decoder
    "module.exports = function decode(i) { return {data: {x: i.bytes[0]}} };"),
    ("import {Buffer as B} from 'buffer';\n"
    "export const decodeUplink = (i) => ({data: {x: B.from(i.bytes)[0]}});"),
    ("const { Buffer: B } = require('node:buffer');\n"
    "exports.decodeUplink = (i) => ({data: {x: B.from(i.bytes).readInt8(0)}});"),
    ("const crypto = require('crypto');\n"
    "function decodeUplink(i) { return {data: {x: 1}} }"),  # as long as it is not used
    "\ufefffunction decodeUplink(i) { return {data: {x: 1}} }",
    ("function decodeUplink(i) { console.log(i); console.table([1]); console.assert(0);"
    " return {data: {x: 1}} }"),
    ("if (typeof window !== 'undefined' || typeof process !== 'undefined') throw new Error('?');\n"
    "function decodeUplink(i) { return {data: {x: 1 + context.length}} }"),
]  # fmt: skip


@pytest.mark.parametrize("script", FORMS)
def test_forms_that_servers_take(script: str) -> None:
    assert run(script) == {"data": {"x": 1}}


def test_the_newest_form_wins() -> None:
    """Scripts that serve several servers hold them all; the older ones drop what does not fit."""
    old = "function Decoder(b) { return {x: 'v2'} } function Decode(p, b) { return {x: 'v3'} }"
    new = "var driver = {decodeUplink: (i) => ({data: {x: 'ts013'}})};"
    assert run(old + new)["data"]["x"] == "ts013"
    assert run(old)["data"]["x"] == "v3"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("async function decodeUplink(i) { return {data: {}} }", "promise"),
        ("export function decodeUplink(i) { return {", "cannot be loaded: SyntaxError"),
        ("exports.encodeDownlink = (i) => ({bytes: []});", "no function decodeUplink"),
    ],
)  # fmt: skip
def test_forms_that_none_takes(script: str, words: str) -> None:
    with pytest.raises(ScriptError, match=words) as raised:
        run(script)
    assert raised.value.failure is Failure.ERROR
