// Our path counter, in the form of TS013: fPort 4, 5 bytes, big-endian.

function decodeUplink(input) {
  var bytes = input.bytes;
  if (input.fPort !== 4 || bytes.length !== 5) {
    return { errors: ["expected 5 bytes on fPort 4, got " + bytes.length + " on " + input.fPort] };
  }
  return {
    data: {
      bicycles: (bytes[0] << 8) | bytes[1],
      pedestrians: (bytes[2] << 8) | bytes[3],
      battery: bytes[4],
    },
  };
}
