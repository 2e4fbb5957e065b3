// An EM400 probe in the lid of a container (its maker's table of channels), in the form of TS013: on
// fPort 85 channels one after the other, each an id, a type and its value, least byte first. It
// measures how far (mm) the waste is below it, and whether the container is tipped.

var LENGTHS = {
  "01 75": 1, "03 67": 2, "83 67": 3, "04 82": 2, "84 82": 3, "05 00": 1, "06 88": 9,
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
    var length = LENGTHS[channel];
    if (length === undefined) return { errors: ["channel " + channel + " is not known"] };
    place += 2;
    if (place + length > bytes.length) return { errors: ["channel " + channel + " is cut short"] };
    if (channel === "01 75") data.battery = bytes[place];
    if (channel === "03 67" || channel === "83 67") data.temperature = signed(bytes, place) / 10;
    if (channel === "04 82" || channel === "84 82") {
      var distance = unsigned(bytes, place);
      data.distance = distance === 65535 ? "no echo" : distance;
    }
    if (channel === "05 00") data.position = bytes[place] ? "tilt" : "normal";
    place += length;
  }
  return { data: data };
}
