// Our traffic radar, in the form of TS013: fPort 3, 6 bytes, big-endian.

function decodeUplink(input) {
  var bytes = input.bytes;
  if (input.fPort !== 3 || bytes.length !== 6) {
    return { errors: ["expected 6 bytes on fPort 3, got " + bytes.length + " on " + input.fPort] };
  }
  return {
    data: {
      flow: (bytes[0] << 8) | bytes[1],
      speed: bytes[2],
      occupancy: ((bytes[3] << 8) | bytes[4]) / 10,
      battery: bytes[5],
    },
  };
}
