"""What a vendor's script finds around it, in JavaScript of our own.

Network servers give scripts hardly more than the language; some scripts write to a console or hand
themselves over as a module. The clock and the dice are the message's: `new Date()` is its time.
"""

import json

BEFORE = """
(function (scope) {
  var quiet = function () {};
  scope.console = { log: quiet, info: quiet, warn: quiet, error: quiet, debug: quiet };
  scope.module = { exports: {} };
  scope.exports = scope.module.exports;
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
  Math.random = function () { return 0.5; };
  delete scope.performance;
  Object.defineProperty(scope, "__territory_at", {
    value: function (millis) { now = millis; return new Clock(millis); }
  });
})(globalThis);
"""

_AFTER = """
(function (scope) {
  var text = JSON.stringify, number = parseInt, at = scope.__territory_at;
  var exported = (scope.module && scope.module.exports) || {};
  var decode = typeof decodeUplink === "function" ? decodeUplink : exported.decodeUplink;
  var older = typeof Decode === "function" ? Decode : exported.Decode;
  var oldest = typeof Decoder === "function" ? Decoder : exported.Decoder;
  if (typeof decode !== "function" && typeof older !== "function" && typeof oldest !== "function") {
    throw new Error("no function decodeUplink (nor Decode or Decoder, as older servers call it)");
  }
  Object.defineProperty(scope, "__territory", {
    value: function (hex, port, millis, variables) {
      var bytes = [];
      for (var i = 0; i < hex.length; i += 2) bytes.push(number(hex.slice(i, i + 2), 16));
      var time = at(millis), returned;
      if (typeof decode === "function") {
        returned = decode({ bytes: bytes, fPort: port, recvTime: time, variables: variables });
      } else if (typeof older === "function") {
        returned = { data: older(port, bytes, variables) };
      } else {
        returned = { data: oldest(bytes, port) };
      }
      return text({ returned: returned });
    }
  });
})(globalThis);
"""


def loading(script: str) -> str:
    """JavaScript that loads a vendor's script as a network server would.

    That is in sloppy mode, which the engine's own evaluation is not, and in which many scripts use
    a variable that they never declare; and with what follows in the same scope, so that a function
    held by a `const` is found, too.
    """
    return f"void (0, eval)({json.dumps(script + chr(10) + ';' + _AFTER)});"
