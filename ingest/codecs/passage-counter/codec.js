// A VS350 counter of people at a gate (its maker's table of channels), in the form of TS013: on fPort
// 85 channels one after the other, each an id, a type and its values, least byte first. Counts of
// the period since the last message are what we store; what it sends again from its memory is not.

var LENGTHS = {
  "01 75": 1, "03 67": 2, "83 67": 3, "04 cc": 4, "84 cc": 5, "05 cc": 4, "85 cc": 5,
  "ff 01": 1, "ff 09": 2, "ff 0a": 2, "ff 0b": 1, "ff 0f": 1, "ff 16": 8, "ff fe": 1, "ff ff": 2,
};

function hex(byte) {
  return (byte < 16 ? "0" : "") + byte.toString(16);
}

function unsigned(bytes, place) {
  return bytes[place] + 256 * bytes[place + 1];
}

function signed(bytes, place) {
  var value = unsigned(bytes, place);
  return value < 32768 ? value : value - 65536;
}

function decodeUplink(input) {
  var bytes = input.bytes;
  var data = {};
  for (var place = 0; place < bytes.length; ) {
    var channel = hex(bytes[place]) + " " + hex(bytes[place + 1] || 0);
    var length = channel === "20 ce" ? (bytes[place + 6] ? 13 : 9) : LENGTHS[channel];
    if (length === undefined) return { errors: ["channel " + channel + " is not known"] };
    place += 2;
    if (place + length > bytes.length) return { errors: ["channel " + channel + " is cut short"] };
    if (channel === "01 75") data.battery = bytes[place];
    if (channel === "03 67" || channel === "83 67") data.temperature = signed(bytes, place) / 10;
    if (channel === "04 cc" || channel === "84 cc") {
      data.total_in = unsigned(bytes, place);
      data.total_out = unsigned(bytes, place + 2);
    }
    if (channel === "05 cc" || channel === "85 cc") {
      data.period_in = unsigned(bytes, place);
      data.period_out = unsigned(bytes, place + 2);
    }
    place += length;
  }
  return { data: data };
}
