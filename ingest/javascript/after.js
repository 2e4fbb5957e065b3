// In the script's own scope, so that what it holds by a `const` is found, too.
__territory_take({
  decodeUplink: typeof decodeUplink === "undefined" ? null : decodeUplink,
  Decode: typeof Decode === "undefined" ? null : Decode,
  Decoder: typeof Decoder === "undefined" ? null : Decoder,
  encodeDownlink: typeof encodeDownlink === "undefined" ? null : encodeDownlink,
  Encode: typeof Encode === "undefined" ? null : Encode,
  Encoder: typeof Encoder === "undefined" ? null : Encoder,
  driver: typeof driver === "undefined" ? null : driver
});
