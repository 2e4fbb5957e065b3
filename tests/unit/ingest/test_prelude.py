"""What a vendor's script finds around it: as Node.js 20 has it, from which the values are."""

from collections.abc import Callable
from typing import Any

import pytest

from ingest.sandbox import Bounds, Failure, Sandbox, ScriptError

SUNDAY = 1_711_846_800_000  # 2024-03-31T01:00:00Z, when summer time begins in France
Run = Callable[..., Any]


def run(script: str, *, payload: bytes = b"\x01\xff", port: int = 2) -> Any:
    sandbox = Sandbox(script, bounds=Bounds(seconds=1))
    try:
        return sandbox.decode(payload, port=port, millis=SUNDAY, variables={})
    finally:
        sandbox.close()


def value_of(expression: str) -> Any:
    return run(f"function decodeUplink(i) {{ return {{data: {{x: {expression}}}}} }}")["data"]["x"]


BYTES = "Buffer.from([1, 255, 0, 128, 127, 66, 195, 169])"
EXPRESSIONS = [
    # texts in and out
    ("Buffer.from('48656c6c6fzz', 'hex').toString()", "Hello"),
    ("Buffer.from('abc').toString('hex')", "616263"),
    ("Buffer.from([1, 2, 250]).toString('hex', 1)", "02fa"),
    ("Buffer.from([1, 2, 250]).toString('hex', 0, 2)", "0102"),
    ("Buffer.from('SGVsbG8', 'base64').toString()", "Hello"),
    ("Buffer.from('-_8=', 'base64').toString('hex')", "fbff"),
    ("Buffer.from([251, 255, 1]).toString('base64')", "+/8B"),
    ("Buffer.from([251, 255]).toString('base64')", "+/8="),
    ("Buffer.from([251]).toString('base64')", "+w=="),
    ("Buffer.from([251, 255]).toString('base64url')", "-_8"),
    ("Buffer.from('é€💩').toString('hex')", "c3a9e282acf09f92a9"),
    ("Buffer.from([0xc3, 0xa9, 0xf0, 0x9f, 0x92, 0xa9]).toString('utf8')", "é💩"),
    ("Buffer.from([0xe2, 0x82, 0x41, 0xff]).toString()", "\ufffdA\ufffd"),
    ("Buffer.from([0xed, 0xa0, 0x80]).toString()", "\ufffd\ufffd\ufffd"),
    ("Buffer.from([0xe9, 0x41]).toString('latin1')", "éA"),
    ("Buffer.from([0xe9, 0x41]).toString('ascii')", "iA"),
    ("Buffer.from('é', 'binary').toString('hex')", "e9"),
    ("Buffer.from('a€', 'utf16le').toString('hex')", "6100ac20"),
    ("Buffer.from([0x61, 0, 0xac, 0x20, 9]).toString('ucs2')", "a€"),
    ("Buffer.byteLength('é€')", 5),
    ("'' + Buffer.from('abc')", "abc"),
    # numbers
    (f"{BYTES}.readUInt8(1)", 255),
    (f"{BYTES}.readInt8(1)", -1),
    (f"{BYTES}.readUInt16BE(0)", 511),
    (f"{BYTES}.readUInt16LE(0)", 65281),
    (f"{BYTES}.readInt16BE(3)", -32641),
    (f"{BYTES}.readInt16LE(2)", -32768),
    (f"{BYTES}.readUint16LE()", 65281),
    (f"{BYTES}.readUInt32BE(0)", 33489024),
    (f"{BYTES}.readUInt32LE(0)", 2147548929),
    (f"{BYTES}.readInt32LE(0)", -2147418367),
    (f"{BYTES}.readInt32BE(1)", -16744321),
    (f"{BYTES}.readUIntBE(0, 3)", 130816),
    (f"{BYTES}.readUIntLE(0, 3)", 65281),
    (f"{BYTES}.readIntBE(1, 3)", -65408),
    (f"{BYTES}.readIntLE(1, 3)", -8388353),
    (f"{BYTES}.readUIntLE(2, 6)", 186656099368960),
    ("Buffer.from([0x41, 0xbc, 0, 0]).readFloatBE(0)", 23.5),
    ("Buffer.from([0, 0, 0xbc, 0x41]).readFloatLE(0)", 23.5),
    ("Buffer.from([0x40, 0x37, 0x80, 0, 0, 0, 0, 0]).readDoubleBE(0)", 23.5),
    ("String(Buffer.from([255, 255, 255, 255, 255, 255, 255, 254]).readBigInt64BE())", "-2"),
    ("String(Buffer.from([2, 0, 0, 0, 0, 0, 0, 1]).readBigUInt64LE())", "72057594037927938"),
    ("(b => [b.writeInt16BE(-2, 1), b.toString('hex')])(Buffer.alloc(4))", [3, "00fffe00"]),
    ("(b => [b.writeUInt32LE(1, 0), b.toString('hex')])(Buffer.alloc(4))", [4, "01000000"]),
    ("(b => [b.writeUIntBE(258, 1, 3), b.toString('hex')])(Buffer.alloc(4))", [4, "00000102"]),
    ("(b => [b.writeIntLE(-2, 0, 3), b.toString('hex')])(Buffer.alloc(4))", [3, "feffff00"]),
    ("(b => [b.writeFloatLE(23.5), b.toString('hex')])(Buffer.alloc(4))", [4, "0000bc41"]),
    # parts and wholes
    ("(b => { b.slice(1)[0] = 9; return b.toJSON() })(Buffer.from([1, 2]))",
     {"type": "Buffer", "data": [1, 9]}),
    ("Buffer.isBuffer(Buffer.from([1, 2, 3]).subarray(1))", True),
    ("Buffer.from([1]) instanceof Uint8Array && Buffer.from([1]) instanceof Buffer", True),
    ("Buffer.from([1, 2, 3]).slice(-2, -1)", {"type": "Buffer", "data": [2]}),
    ("Buffer.concat([Buffer.from([1]), new Uint8Array([2, 3])]).toString('hex')", "010203"),
    ("Buffer.concat([Buffer.from([1, 2]), Buffer.from([3])], 2).toString('hex')", "0102"),
    ("Buffer.alloc(5, 'ab').toString()", "ababa"),
    ("Buffer.alloc(3, 255).toString('hex')", "ffffff"),
    ("new Buffer([1, 2]).length + new Buffer(3).length + Buffer('abcd').length", 9),
    ("Buffer.from(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2).toString('hex')", "0203"),
    ("Buffer.from({type: 'Buffer', data: [7]})[0]", 7),
    ("Buffer.from([256, -1, 1.9, '3', 'x']).toJSON().data", [0, 255, 1, 3, 0]),
    ("Buffer.from([1, 2]).equals(Buffer.from([1, 2]))", True),
    ("Buffer.compare(Buffer.from([1]), Buffer.from([1, 0]))", -1),
    ("Buffer.from('hello').indexOf('l', 3) * 10 + Buffer.from('hello').lastIndexOf('l')", 33),
    ("Buffer.from([1, 2, 3]).includes(4)", False),
    ("Buffer.from([1, 2, 3, 4]).swap16().toString('hex')", "02010403"),
    ("(t => [Buffer.from([1, 2, 3]).copy(t, 1, 1), t.toString('hex')])(Buffer.alloc(4))",
     [2, "00020300"]),
    ("(b => [b.write('a€'), b.toString('hex')])(Buffer.alloc(3))", [1, "610000"]),
    # what browsers have
    ("new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0xc3, 0xa9]))", "é"),
    ("new TextDecoder('windows-1252').decode(new Uint8Array([0x80, 0xe9]))", "€é"),
    ("new TextDecoder('utf-16le').decode(Buffer.from([0x41, 0]))", "A"),
    ("Array.from(new TextEncoder().encode('é'))", [195, 169]),
    ("atob('SGk=') + btoa('Hi')", "HiSGk="),
    # what is written for people
    ("(1234567.8915).toLocaleString()", "1,234,567.892"),
    ("(1234.5).toLocaleString('fr-FR')", "1\u202f234,5"),
    ("(-0.5).toLocaleString('en-US', {minimumFractionDigits: 2})", "-0.50"),
    ("(1.005).toLocaleString('en-US', {maximumFractionDigits: 2})", "1.01"),
    ("new Date().toLocaleString()", "3/31/2024, 1:00:00 AM"),
    ("new Date(2001, 7, 2, 12, 8).toLocaleString()", "8/2/2001, 12:08:00 PM"),
    ("new Date().toLocaleDateString('fr-FR')", "31/03/2024"),
    ("new Date().toLocaleTimeString('en-GB')", "01:00:00"),
    ("new Date().toLocaleString('fr-FR', {timeZone: 'Europe/Paris'})", "31/03/2024 03:00:00"),
    ("new Date(Date.now() - 1).toLocaleTimeString('fr-FR', {timeZone: 'Europe/Paris'})",
     "01:59:59"),
    ("new Date().toLocaleDateString('en-US', {year: '2-digit', month: '2-digit'})", "03/24"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS)
def test_as_node_has_it(expression: str, value: Any) -> None:
    assert value_of(expression) == value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (f"{BYTES}.readUInt16BE(7)", ('RangeError: The value of "offset" is out of range. It must'
         " be >= 0 and <= 6. Received 7")),
        (f"{BYTES}.readInt8(-1)", "<= 7. Received -1"),
        (f"{BYTES}.readInt8(1.5)", "an integer. Received 1.5"),
        (f"{BYTES}.readInt8('1')", "TypeError"),
        (f"{BYTES}.readUIntBE(0, 7)", "<= 6. Received 7"),
        (f"{BYTES}.readUIntBE(3, 6)", "<= 2. Received 3"),
        ("Buffer.alloc(1).readInt32LE(0)", "outside buffer bounds"),
        ("Buffer.alloc(4).writeUInt8(256)", "<= 255. Received 256"),
        ("Buffer.alloc(4).writeInt16LE(-32769)", ">= -32768"),
        ("Buffer.alloc(8).writeUIntBE(256, 0, 1)", "<= 255. Received 256"),
        ("Buffer.alloc(-1)", "RangeError"),
        ("Buffer.from(5)", "first argument must be"),
        ("Buffer.from(null)", "Received null"),
        ("Buffer.from('a', 'utf-7')", "Unknown encoding: utf-7"),
        ("new TextDecoder('utf-8', {fatal: true}).decode(new Uint8Array([255]))", "not valid"),
        ("new TextDecoder('klingon')", "klingon"),
        ("new Date().toLocaleString('fr-FR', {timeZone: 'Europe/Atlantis'})", "Atlantis"),
        ("require('fs').readFileSync('/etc/passwd')", "fs.readFileSync is not to be had"),
        ("require('./other')", r'require\("./other"\): no such module'),
    ],
)  # fmt: skip
def test_what_is_refused_as_node_does(expression: str, words: str) -> None:
    with pytest.raises(
        ScriptError, match=words.replace("(", r"\(") if "\\" not in words else words
    ):
        value_of(expression)


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
        ("import x from './x';\nexport function decodeUplink(i) {}", "SyntaxError"),
        ("async function decodeUplink(i) { return {data: {}} }", "promise"),
        ("export function decodeUplink(i) { return {", "cannot be loaded: SyntaxError"),
        ("exports.encodeDownlink = (i) => ({bytes: []});", "no function decodeUplink"),
    ],
)  # fmt: skip
def test_forms_that_none_takes(script: str, words: str) -> None:
    with pytest.raises(ScriptError, match=words) as raised:
        run(script)
    assert raised.value.failure is Failure.ERROR
