// require() of what Node has and a decoder may need. What only a whole Node has can be required, as
// bundled scripts do at their top, and fails where it is used.
(function (scope) {
  "use strict";
  var NODE = ["assert", "child_process", "crypto", "events", "fs", "http", "https", "net", "os",
    "path", "process", "stream", "tls", "url", "vm", "zlib"];

  scope.require = function require(name) {
    var short = String(name).replace(/^node:/, "");
    if (short === "buffer") return { Buffer: scope.Buffer };
    if (short === "util") return { TextDecoder: scope.TextDecoder, TextEncoder: scope.TextEncoder };
    if (NODE.indexOf(short) >= 0) {
      return new Proxy({}, {
        get: function (_, part) {
          if (typeof part === "symbol") return undefined;
          throw new Error(short + "." + part + " is not to be had in a decoder");
        }
      });
    }
    throw new Error("require(" + JSON.stringify(String(name)) + "): no such module in a decoder; files" +
      " beside a script are bundled when it is added or tested from its own folder");
  };
})(globalThis);
