// Our lamp node, in the form of TS013: fPort 10, 11 bytes, big-endian.

function number(bytes, from, to) {
  var value = 0;
  for (var place = from; place < to; place++) value = value * 256 + bytes[place];
  return value;
}

function decodeUplink(input) {
  if (input.fPort !== 10) {
    return { errors: ["fPort " + input.fPort + " is none of ours: a lamp speaks on 10"] };
  }
  if (input.bytes.length !== 11) {
    return { errors: [input.bytes.length + " bytes: a lamp sends 11"] };
  }
  return {
    data: {
      level: input.bytes[0],
      power: number(input.bytes, 1, 3) / 10,
      energy: number(input.bytes, 3, 7),
      hours: number(input.bytes, 7, 10),
      fault: input.bytes[10],
    },
  };
}

// A command is two bytes on the same port: 1 and a level, 2 and a state (255: its own plan again).
function encodeDownlink(input) {
  if (typeof input.data.level === "number") {
    return { bytes: [1, Math.round(input.data.level)], fPort: 10 };
  }
  if (typeof input.data.state === "number") {
    return { bytes: [2, input.data.state], fPort: 10 };
  }
  return { errors: ["neither level nor state"] };
}
