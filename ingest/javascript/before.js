// What every script finds around it. The natives that the call itself needs are taken here, before
// a script can change them.
(function (scope) {
  "use strict";
  var quiet = function () {};
  scope.console = {};
  ["log", "info", "warn", "error", "debug", "trace", "table", "dir", "assert", "group", "groupEnd",
    "time", "timeEnd"].forEach(function (name) { scope.console[name] = quiet; });
  scope.global = scope;
  scope.module = { exports: {} };
  scope.exports = scope.module.exports;
  scope.context = []; // Actility's memory of a device's earlier uplinks: here a decoder has none

  var Clock = Date, now = 0;
  scope.Date = new Proxy(Clock, {
    construct: function (target, given, made) {
      return Reflect.construct(target, given.length ? given : [now], made);
    },
    apply: function () { return new Clock(now).toString(); },
    get: function (target, name) {
      return name === "now" ? function () { return now; } : target[name];
    }
  });
  Object.defineProperty(Clock.prototype, "constructor", { value: scope.Date });
  Math.random = function () { return 0.5; };
  delete scope.performance;

  var text = JSON.stringify, number = parseInt, names = Object.getOwnPropertyNames;
  var keys = Object.keys, isArray = Array.isArray, copy = Array.from;
  var LIKE = /decod|pars|uplink|consume/i;
  var atFirst = new Set(names(scope));
  atFirst.has = Set.prototype.has;

  // A class is made with `new`: it is no decoder, even where it is called Decoder.
  function isDecoder(value) {
    return typeof value === "function" && !(value.prototype && names(value.prototype).length > 1);
  }

  function functionIn(holder, name) {
    if (holder === null || typeof holder !== "object" && typeof holder !== "function") return null;
    return isDecoder(holder[name]) ? holder[name].bind(holder) : null;
  }

  // What a script exports as a whole: a function of any name, or of none.
  function exportedFunctions() {
    var exported = scope.module && scope.module.exports;
    return [exported, exported && exported.default].filter(isDecoder);
  }

  // A script's function wherever servers look for it: declared, exported, in Actility's `driver`,
  // or in an object under any other name, as bundlers make them.
  function search(name, declared, driver) {
    if (isDecoder(declared)) return declared;
    var exported = scope.module && scope.module.exports, place, match;
    match = exportedFunctions().filter(function (each) { return each.name === name; })[0];
    if (match) return match;
    var holders = [exported, scope.exports, driver];
    [exported, scope.exports].forEach(function (each) {
      if (each && typeof each === "object") {
        Object.keys(each).forEach(function (key) { holders.push(each[key]); });
      }
    });
    names(scope).forEach(function (key) { if (!atFirst.has(key)) holders.push(scope[key]); });
    for (place = 0; place < holders.length; place++) {
      match = functionIn(holders[place], name);
      if (match) return match;
    }
    return null;
  }

  // What a script calls its decoder, if that is none of the names that servers look for.
  function alike() {
    var functions = names(scope).filter(function (name) {
      return !atFirst.has(name) && LIKE.test(name) && isDecoder(scope[name]);
    });
    return functions.length ? "; it has " + functions.slice(0, 6).join(", ") : "";
  }

  // Actility also takes the fields themselves, without `data` around them.
  function isBare(returned) {
    return returned !== null && typeof returned === "object" && !isArray(returned) &&
      !("data" in returned || "errors" in returned || "warnings" in returned) &&
      keys(returned).length > 0;
  }

  function hidden(name, value) { Object.defineProperty(scope, name, { value: value }); }

  // The encoder of commands, if the script has one: TS013's, ChirpStack 3's, The Things Network 2's.
  function takeEncoder(declared) {
    var encode = search("encodeDownlink", declared.encodeDownlink, declared.driver);
    if (encode) {
      return function (data, port, variables) {
        return encode({ data: data, fPort: port, variables: variables });
      };
    }
    encode = search("Encode", declared.Encode, declared.driver);
    if (encode) {
      return function (data, port, variables) { return { bytes: encode(port, data, variables) }; };
    }
    encode = search("Encoder", declared.Encoder, declared.driver);
    return encode && function (data, port) { return { bytes: encode(data, port) }; };
  }

  hidden("__territory_take", function (declared) {
    var encode = takeEncoder(declared);
    hidden("__territory_encode", function (data, port, millis, variables) {
      var returned, bytes;
      if (!encode) throw new Error("no function encodeDownlink (nor Encode or Encoder)");
      now = millis;
      returned = encode(data, port === null ? undefined : port, variables);
      bytes = returned && returned.bytes;
      if (bytes && typeof bytes === "object" && !isArray(bytes) && bytes.length >= 0) {
        returned.bytes = copy(bytes);
      }
      return text({ returned: returned });
    });
    var decode = search("decodeUplink", declared.decodeUplink, declared.driver), call;
    function callAsTs013(bytes, port, time, variables) {
      return decode({ bytes: bytes, fPort: port, recvTime: time, variables: variables });
    }
    if (decode) {
      call = callAsTs013;
    } else if ((decode = search("Decode", declared.Decode, declared.driver))) {
      call = function (bytes, port, time, variables) {
        return { data: decode(port, bytes, variables) };
      };
    } else if ((decode = search("Decoder", declared.Decoder, declared.driver))) {
      call = function (bytes, port) { return { data: decode(bytes, port) }; };
    } else if ((decode = exportedFunctions()[0])) {
      call = callAsTs013;
    } else {
      throw new Error("no function decodeUplink (nor Decode or Decoder, as older servers call it)" +
        alike());
    }
    hidden("__territory", function (hex, port, millis, variables) {
      var bytes = [], i, returned;
      for (i = 0; i < hex.length; i += 2) bytes[i / 2] = number(hex[i] + hex[i + 1], 16);
      now = millis;
      returned = call(bytes, port, new Clock(millis), variables);
      if (returned && typeof returned.then === "function") {
        throw new Error("it returned a promise: a decoder must answer at once, not be async");
      }
      if (isBare(returned)) returned = { data: returned };
      return text({ returned: returned });
    });
  });
})(globalThis);
