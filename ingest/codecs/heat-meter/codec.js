// The M-Bus records (EN 13757-3) that LoRaWAN modules of heat meters send, in the form of TS013:
// fPort 2, a byte for the message's form, then of each record how its number is written (DIF), what
// it is in which unit (VIF), and the number, least byte first. Records that we do not know are
// skipped by their length. What the error flags mean differs by make: ours are one code.

var LENGTHS = [0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, null, 6, null];
var ABSENT = "No Sensor";

function integer(bytes) {
  var value = 0;
  for (var place = bytes.length - 1; place >= 0; place--) value = value * 256 + bytes[place];
  var top = bytes.length ? bytes[bytes.length - 1] : 0;
  return top & 0x80 ? value - Math.pow(256, bytes.length) : value;
}

function decimal(bytes) {  // BCD; a first digit F is a minus sign
  var value = 0;
  for (var place = bytes.length - 1; place >= 0; place--) {
    var high = bytes[place] >> 4;
    var low = bytes[place] & 0x0f;
    var sign = place === bytes.length - 1 && high === 15;
    if (low > 9 || (high > 9 && !sign)) return ABSENT;
    value = value * 100 + (sign ? 0 : high) * 10 + low;
  }
  return bytes.length && bytes[bytes.length - 1] >> 4 === 15 ? -value : value;
}

function power10(value, exponent) {
  return exponent < 0 ? value / Math.pow(10, -exponent) : value * Math.pow(10, exponent);
}

// Name and value in kWh, m3, kW, m3/h or Cel; nothing for what a substation does not need.
function meaning(vif, value) {
  if (vif.length === 2 && vif[0] === 0xfd && vif[1] === 0x17) {
    return ["fault", value & 0xffff];
  }
  if (vif.length !== 1) return null;
  var unit = vif[0] & 0x78;
  var size = vif[0] & 0x07;
  if (unit === 0x00) return ["energy_kwh", power10(value, size - 6)];
  if (unit === 0x08) return ["energy_kwh", power10(value, size) / 3600000];
  if (unit === 0x10) return ["volume_m3", power10(value, size - 6)];
  if (unit === 0x28) return ["power_kw", power10(value, size - 6)];
  if (unit === 0x38) return ["flow_m3h", power10(value, size - 6)];
  if ((vif[0] & 0x7c) === 0x58) return ["supply_c", power10(value, (vif[0] & 3) - 3)];
  if ((vif[0] & 0x7c) === 0x5c) return ["return_c", power10(value, (vif[0] & 3) - 3)];
  return null;
}

function decodeUplink(input) {
  var bytes = input.bytes;
  if (input.fPort !== 2) {
    return { errors: ["fPort " + input.fPort + " is none of ours: a meter's records come on 2"] };
  }
  var data = {};
  var warnings = [];
  var place = 1;
  while (place < bytes.length) {
    var dif = bytes[place++];
    if (dif === 0x2f) continue;  // a filler
    var current = (dif & 0x70) === 0;  // no maximum, no value at fault, of the storage of now
    for (var more = dif; more & 0x80; ) {
      more = bytes[place++];
      if (more & 0x7f) current = false;
    }
    var vif = [bytes[place++]];
    while (vif[vif.length - 1] & 0x80 && place < bytes.length) vif.push(bytes[place++]);
    var form = dif & 0x0f;
    var length = LENGTHS[form];
    if (length === null || place + length > bytes.length) {
      return { errors: ["byte " + place + ": a record without end"] };
    }
    var raw = bytes.slice(place, place + length);
    place += length;
    if (!current || form === 5 || form === 8 || form === 0) continue;
    var record = meaning(vif, form < 8 ? integer(raw) : decimal(raw));
    if (record && data[record[0]] === undefined) data[record[0]] = record[1];
  }
  if (data.fault) warnings.push("the meter reports fault " + data.fault);
  return { data: data, warnings: warnings };
}
