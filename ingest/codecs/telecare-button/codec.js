// A WS101 button (its maker's table of channels), in the form of TS013: on fPort 85 channels one after
// the other, each an id, a type and its value. A press is short, long or double; a report without a
// press has only the battery, or 0.

var LENGTHS = {
  "01 75": 1, "ff 01": 1, "ff 08": 6, "ff 09": 2, "ff 0a": 2, "ff 0b": 1, "ff 0f": 1, "ff 2e": 1,
  "ff fe": 1, "ff ff": 2,
};
var PRESSES = ["none", "short", "long", "double"];

function hex(byte) {
  return (byte < 16 ? "0" : "") + byte.toString(16);
}

function decodeUplink(input) {
  var bytes = input.bytes;
  var data = {};
  for (var place = 0; place < bytes.length; ) {
    var channel = hex(bytes[place]) + " " + hex(bytes[place + 1] || 0);
    var length = LENGTHS[channel];
    if (length === undefined) return { errors: ["channel " + channel + " is not known"] };
    place += 2;
    if (place + length > bytes.length) return { errors: ["channel " + channel + " is cut short"] };
    if (channel === "01 75") data.battery = bytes[place];
    if (channel === "ff 2e") {
      var press = PRESSES[bytes[place]];
      if (press === undefined) return { errors: ["press " + bytes[place] + " is not known"] };
      data.press = press;
    }
    place += length;
  }
  if (data.press === undefined) data.press = "none";
  return { data: data };
}
