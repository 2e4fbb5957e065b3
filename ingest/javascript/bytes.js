// Buffer as Node has it, TextDecoder and TextEncoder as browsers have them.
(function (scope) {
  "use strict";

  // -- texts and bytes --------------------------------------------------------------------------

  function units(codes) {
    var pieces = [];
    for (var at = 0; at < codes.length; at += 4096) {
      pieces.push(String.fromCharCode.apply(null, codes.slice(at, at + 4096)));
    }
    return pieces.join("");
  }

  function toUtf8(text) {
    var bytes = [];
    for (var symbol of text) {
      var code = symbol.codePointAt(0);
      if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd; // half of a pair
      if (code < 0x80) bytes.push(code);
      else if (code < 0x800) bytes.push(0xc0 | code >> 6, 0x80 | code & 63);
      else if (code < 0x10000) bytes.push(0xe0 | code >> 12, 0x80 | code >> 6 & 63, 0x80 | code & 63);
      else bytes.push(0xf0 | code >> 18, 0x80 | code >> 12 & 63, 0x80 | code >> 6 & 63,
        0x80 | code & 63);
    }
    return bytes;
  }

  // What is no UTF-8 becomes U+FFFD, one for each part that could have begun a character.
  function fromUtf8(bytes, strict) {
    var codes = [], at = 0;
    while (at < bytes.length) {
      var first = bytes[at++], more, code, low = 0x80, high = 0xbf;
      if (first < 0x80) { codes.push(first); continue; }
      if (first >= 0xc2 && first <= 0xdf) { more = 1; code = first & 31; }
      else if (first >= 0xe0 && first <= 0xef) { more = 2; code = first & 15; }
      else if (first >= 0xf0 && first <= 0xf4) { more = 3; code = first & 7; }
      else more = 0;
      if (first === 0xe0) low = 0xa0; else if (first === 0xed) high = 0x9f;
      else if (first === 0xf0) low = 0x90; else if (first === 0xf4) high = 0x8f;
      var left = more;
      while (left > 0 && at < bytes.length && bytes[at] >= low && bytes[at] <= high) {
        code = code << 6 | bytes[at++] & 63;
        low = 0x80; high = 0xbf; left--;
      }
      if (more === 0 || left > 0) {
        if (strict) throw new TypeError("The encoded data was not valid for encoding utf-8");
        codes.push(0xfffd);
      } else if (code < 0x10000) codes.push(code);
      else codes.push(0xd7c0 + (code >> 10), 0xdc00 | code & 0x3ff);
    }
    return units(codes);
  }

  function fromHex(text) {
    var bytes = [];
    for (var at = 0; at + 2 <= text.length; at += 2) {
      var pair = text.slice(at, at + 2);
      if (!/^[0-9a-fA-F]{2}$/.test(pair)) break;
      bytes.push(parseInt(pair, 16));
    }
    return bytes;
  }

  var LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  function fromBase64(text) {
    var bytes = [], held = 0, bits = 0;
    for (var letter of text.replace(/-/g, "+").replace(/_/g, "/")) {
      if (letter === "=") break;
      var value = LETTERS.indexOf(letter);
      if (value < 0) continue;
      held = (held << 6 | value) & 0xffff;
      bits += 6;
      if (bits >= 8) { bits -= 8; bytes.push(held >> bits & 255); }
    }
    return bytes;
  }

  function toBase64(bytes) {
    var text = "";
    for (var at = 0; at < bytes.length; at += 3) {
      var three = bytes[at] << 16 | (bytes[at + 1] || 0) << 8 | (bytes[at + 2] || 0);
      text += LETTERS[three >> 18] + LETTERS[three >> 12 & 63];
      text += at + 1 < bytes.length ? LETTERS[three >> 6 & 63] : "=";
      text += at + 2 < bytes.length ? LETTERS[three & 63] : "=";
    }
    return text;
  }

  function each(text, size) {
    var bytes = [];
    for (var at = 0; at < text.length; at++) {
      var code = text.charCodeAt(at);
      bytes.push(code & 255);
      if (size === 2) bytes.push(code >> 8);
    }
    return bytes;
  }

  function list(bytes) { return Array.prototype.slice.call(bytes); }

  var latin1 = {
    encode: function (text) { return each(text, 1); },
    decode: function (bytes) { return units(list(bytes)); }
  };
  var ENCODINGS = {
    utf8: { encode: toUtf8, decode: fromUtf8 },
    hex: {
      encode: fromHex,
      decode: function (bytes) {
        return list(bytes).map(function (byte) { return (256 + byte).toString(16).slice(1); }).join("");
      }
    },
    base64: { encode: fromBase64, decode: toBase64 },
    base64url: {
      encode: fromBase64,
      decode: function (bytes) {
        return toBase64(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
      }
    },
    latin1: latin1,
    ascii: {
      encode: latin1.encode,
      decode: function (bytes) { return units(list(bytes).map(function (b) { return b & 127; })); }
    },
    utf16le: {
      encode: function (text) { return each(text, 2); },
      decode: function (bytes) {
        var codes = [];
        for (var at = 0; at + 1 < bytes.length; at += 2) codes.push(bytes[at] | bytes[at + 1] << 8);
        return units(codes);
      }
    }
  };
  var OTHERWISE = { "utf-8": "utf8", binary: "latin1", ucs2: "utf16le", "ucs-2": "utf16le",
    "utf-16le": "utf16le" };

  function encodingNamed(name) {
    if (name === undefined || name === null || name === "") return "utf8";
    var key = String(name).toLowerCase();
    key = OTHERWISE[key] || key;
    return Object.prototype.hasOwnProperty.call(ENCODINGS, key) ? key : null;
  }

  function encoding(name) {
    var key = encodingNamed(name);
    if (key === null) throw new TypeError("Unknown encoding: " + name);
    return ENCODINGS[key];
  }

  // -- Buffer -----------------------------------------------------------------------------------

  class Bytes extends Uint8Array {}

  function Buffer(value, second, third) {
    return typeof value === "number" ? Buffer.alloc(value) : Buffer.from(value, second, third);
  }
  Object.setPrototypeOf(Buffer, Uint8Array);
  Buffer.prototype = Bytes.prototype;
  Bytes.prototype.constructor = Buffer;

  function failure(Kind, code, message) {
    return Object.assign(new Kind(message), { code: code });
  }

  function isBuffer(value) { return value instanceof Bytes; }

  function shared(bytes) { return new Bytes(bytes.buffer, bytes.byteOffset, bytes.length); }

  Buffer.from = function (value, second, third) {
    if (typeof value === "string") return new Bytes(encoding(second).encode(value));
    if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
      return new Bytes(value, second, third);
    }
    if (value !== null && typeof value === "object") {
      var plain = value.valueOf();
      if (typeof plain === "string") return Buffer.from(plain, second);
      if (typeof value.length === "number") return new Bytes(list(value));
      if (value.type === "Buffer" && Array.isArray(value.data)) return new Bytes(value.data);
    }
    throw failure(TypeError, "ERR_INVALID_ARG_TYPE", "The first argument must be of type string or" +
      " an instance of Buffer, ArrayBuffer, or Array or an Array-like Object. Received " +
      (value === null || value === undefined ? String(value) : "type " + typeof value));
  };

  Buffer.alloc = function (size, fill, name) {
    if (typeof size !== "number" || !(size >= 0)) {
      throw failure(RangeError, "ERR_OUT_OF_RANGE", 'The value of "size" is out of range: ' + size);
    }
    var made = new Bytes(Math.trunc(size));
    return fill === undefined || fill === 0 || size < 1 ? made : made.fill(fill, name);
  };
  Buffer.allocUnsafe = Buffer.allocUnsafeSlow = function (size) { return Buffer.alloc(size); };
  Buffer.isBuffer = isBuffer;
  Buffer.isEncoding = function (name) { return typeof name === "string" && !!name && encodingNamed(name) !== null; };
  Buffer.byteLength = function (value, name) {
    return typeof value === "string" ? encoding(name).encode(value).length : value.byteLength;
  };
  Buffer.compare = function (first, second) {
    var shorter = Math.min(first.length, second.length);
    for (var at = 0; at < shorter; at++) if (first[at] !== second[at]) return first[at] < second[at] ? -1 : 1;
    return Math.sign(first.length - second.length);
  };
  Buffer.concat = function (parts, total) {
    if (total === undefined) total = parts.reduce(function (sum, part) { return sum + part.length; }, 0);
    var made = Buffer.alloc(total), at = 0;
    parts.forEach(function (part) {
      if (at < total) made.set(part.subarray(0, total - at), at);
      at += part.length;
    });
    return made;
  };

  var methods = {
    toString: function (name, start, end) {
      return encoding(name).decode(Uint8Array.prototype.subarray.call(this, Math.max(0, start || 0),
        end === undefined ? this.length : Math.max(0, end)));
    },
    toJSON: function () { return { type: "Buffer", data: list(this) }; },
    slice: function (start, end) { return this.subarray(start, end); },
    equals: function (other) { return Buffer.compare(this, other) === 0; },
    compare: function (other, from, to, start, end) {
      return Buffer.compare(this.subarray(start || 0, end), other.subarray(from || 0, to));
    },
    copy: function (target, at, start, end) {
      var part = this.subarray(start || 0, end).subarray(0, Math.max(0, target.length - (at || 0)));
      target.set(part, at || 0);
      return part.length;
    },
    write: function (text, at, length, name) {
      if (typeof at === "string") { name = at; at = 0; length = undefined; }
      else if (typeof length === "string") { name = length; length = undefined; }
      at = at || 0;
      var room = Math.max(0, Math.min(this.length - at, length === undefined ? Infinity : length));
      var bytes = encoding(name).encode(text);
      if (encodingNamed(name) === "utf8") { // no part of a character
        while (room < bytes.length && room > 0 && (bytes[room] & 0xc0) === 0x80) room--;
      }
      bytes = bytes.slice(0, room);
      this.set(bytes, at);
      return bytes.length;
    },
    fill: function (value, start, end, name) {
      if (typeof start === "string") { name = start; start = end = undefined; }
      else if (typeof end === "string") { name = end; end = undefined; }
      if (typeof value === "number" || typeof value === "boolean") {
        return Uint8Array.prototype.fill.call(this, value & 255, start, end);
      }
      var bytes = typeof value === "string" ? encoding(name).encode(value) : value;
      end = end === undefined ? this.length : end;
      for (var at = start || 0; at < end; at++) {
        this[at] = bytes.length ? bytes[(at - (start || 0)) % bytes.length] : 0;
      }
      return this;
    },
    indexOf: function (value, from, name) { return sought(this, value, from, name, 1); },
    lastIndexOf: function (value, from, name) { return sought(this, value, from, name, -1); },
    includes: function (value, from, name) { return this.indexOf(value, from, name) >= 0; },
    readUIntLE: function (at, size) { return wide(this, at, size, true); },
    readUIntBE: function (at, size) { return wide(this, at, size, false); },
    readIntLE: function (at, size) { return signed(wide(this, at, size, true), size); },
    readIntBE: function (at, size) { return signed(wide(this, at, size, false), size); },
    writeUIntLE: function (value, at, size) { return widely(this, value, at, size, true); },
    writeUIntBE: function (value, at, size) { return widely(this, value, at, size, false); },
    writeIntLE: function (value, at, size) { return widely(this, value, at, size, true, true); },
    writeIntBE: function (value, at, size) { return widely(this, value, at, size, false, true); },
    swap16: function () { return swapped(this, 2); },
    swap32: function () { return swapped(this, 4); },
    swap64: function () { return swapped(this, 8); }
  };
  methods.toLocaleString = methods.toString;

  function sought(buffer, value, from, name, step) {
    if (typeof from === "string") { name = from; from = undefined; }
    var bytes = typeof value === "string" ? encoding(name).encode(value)
      : typeof value === "number" ? [value & 255] : value;
    var last = buffer.length - bytes.length;
    if (from === undefined) from = step > 0 ? 0 : last;
    if (from < 0) from += buffer.length;
    for (var at = step > 0 ? Math.max(0, from) : Math.min(from, last); at >= 0 && at <= last; at += step) {
      var same = 0;
      while (same < bytes.length && buffer[at + same] === bytes[same]) same++;
      if (same === bytes.length) return at;
    }
    return -1;
  }

  function placed(buffer, at, size) {
    if (at === undefined) at = 0;
    if (typeof at !== "number") {
      throw failure(TypeError, "ERR_INVALID_ARG_TYPE",
        'The "offset" argument must be of type number. Received ' + (at === null ? "null" : "type " + typeof at));
    }
    var last = buffer.length - size;
    if (Number.isInteger(at) && at >= 0 && at <= last) return at;
    if (Number.isInteger(at) && last < 0) {
      throw failure(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS",
        "Attempt to access memory outside buffer bounds");
    }
    throw failure(RangeError, "ERR_OUT_OF_RANGE", 'The value of "offset" is out of range. It must be ' +
      (Number.isInteger(at) ? ">= 0 and <= " + last : "an integer") + ". Received " + at);
  }

  function bounded(value, low, high) {
    if (value < low || value > high) {
      throw failure(RangeError, "ERR_OUT_OF_RANGE", 'The value of "value" is out of range. It must be >= ' +
        low + " and <= " + high + ". Received " + value);
    }
    return value;
  }

  function sized(size) {
    if (Number.isInteger(size) && size >= 1 && size <= 6) return size;
    throw failure(RangeError, "ERR_OUT_OF_RANGE",
      'The value of "byteLength" is out of range. It must be >= 1 and <= 6. Received ' + size);
  }

  function wide(buffer, at, size, little) {
    at = placed(buffer, at, sized(size));
    var value = 0;
    for (var n = 0; n < size; n++) value = value * 256 + buffer[at + (little ? size - 1 - n : n)];
    return value;
  }

  function signed(value, size) {
    return value >= Math.pow(2, 8 * size - 1) ? value - Math.pow(2, 8 * size) : value;
  }

  function widely(buffer, value, at, size, little, isSigned) {
    var all = Math.pow(2, 8 * sized(size));
    at = placed(buffer, at, size);
    value = Math.trunc(bounded(Number(value), isSigned ? -all / 2 : 0, isSigned ? all / 2 - 1 : all - 1));
    if (value < 0) value += all;
    for (var n = 0; n < size; n++) {
      buffer[at + (little ? n : size - 1 - n)] = value % 256;
      value = Math.floor(value / 256);
    }
    return at + size;
  }

  function swapped(buffer, size) {
    if (buffer.length % size) throw new RangeError("Buffer size must be a multiple of " + 8 * size + "-bits");
    for (var at = 0; at < buffer.length; at += size) buffer.subarray(at, at + size).reverse();
    return buffer;
  }

  function view(buffer) { return new DataView(buffer.buffer, buffer.byteOffset, buffer.length); }

  function numeric(name, kind, size, little, low, high) {
    methods["read" + name] = function (at) {
      return view(this)["get" + kind](placed(this, at, size), little);
    };
    methods["write" + name] = function (value, at) {
      at = placed(this, at, size);
      if (low !== undefined) bounded(value, low, high);
      view(this)["set" + kind](at, value, little);
      return at + size;
    };
  }

  numeric("UInt8", "Uint8", 1, true, 0, 255);
  numeric("Int8", "Int8", 1, true, -128, 127);
  [["LE", true], ["BE", false]].forEach(function (order) {
    var end = order[0], little = order[1];
    numeric("UInt16" + end, "Uint16", 2, little, 0, 65535);
    numeric("Int16" + end, "Int16", 2, little, -32768, 32767);
    numeric("UInt32" + end, "Uint32", 4, little, 0, 4294967295);
    numeric("Int32" + end, "Int32", 4, little, -2147483648, 2147483647);
    numeric("BigUInt64" + end, "BigUint64", 8, little, 0n, 2n ** 64n - 1n);
    numeric("BigInt64" + end, "BigInt64", 8, little, -(2n ** 63n), 2n ** 63n - 1n);
    numeric("Float" + end, "Float32", 4, little);
    numeric("Double" + end, "Float64", 8, little);
  });
  Object.keys(methods).forEach(function (name) {
    [name, name.replace(/^(read|write)(Big)?UInt/, "$1$2Uint")].forEach(function (alias) {
      Object.defineProperty(Bytes.prototype, alias,
        { value: methods[name], writable: true, configurable: true });
    });
  });
  Object.defineProperty(Bytes.prototype, "parent", { get: function () { return this.buffer; } });
  scope.Buffer = Buffer;

  // -- TextDecoder, TextEncoder -----------------------------------------------------------------

  var LABELS = { "utf-8": "utf8", utf8: "utf8", ascii: "latin1",
    "us-ascii": "latin1", latin1: "latin1", "iso-8859-1": "latin1", "windows-1252": "latin1",
    "utf-16le": "utf16le", "utf-16": "utf16le" };
  var NAMED = { utf8: "utf-8", latin1: "windows-1252", utf16le: "utf-16le" };

  // What the web calls latin1 is windows-1252, which has characters from 0x80 to 0x9f.
  var HIGH = "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f" +
    "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";

  scope.TextDecoder = class TextDecoder {
    constructor(label, options) {
      var key = LABELS[String(label === undefined ? "utf-8" : label).trim().toLowerCase()];
      if (!key) throw new RangeError('The "' + label + '" encoding is not supported');
      this.encoding = NAMED[key];
      this.fatal = !!(options && options.fatal);
      this.ignoreBOM = !!(options && options.ignoreBOM);
      Object.defineProperty(this, "decoding", { value: ENCODINGS[key].decode });
    }
    decode(given) {
      if (given === undefined) return "";
      var bytes = ArrayBuffer.isView(given)
        ? new Uint8Array(given.buffer, given.byteOffset, given.byteLength) : new Uint8Array(given);
      var text = this.decoding(bytes, this.fatal);
      if (this.encoding === "windows-1252") {
        return text.replace(/[\x80-\x9f]/g, function (c) { return HIGH[c.charCodeAt(0) - 128]; });
      }
      return text[0] === "\ufeff" && !this.ignoreBOM ? text.slice(1) : text;
    }
  };
  scope.TextEncoder = class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text) { return new Uint8Array(toUtf8(text === undefined ? "" : String(text))); }
  };
})(globalThis);
