// Our compact weather station, in the form of TS013: fPort 2, 16 bytes, big-endian.
// A number that is all ones means that its sensor is not there.

var ABSENT = "No Sensor";

function unsigned16(bytes, place) {
  return (bytes[place] << 8) | bytes[place + 1];
}

function tenths(raw) {
  return raw === 0xffff ? ABSENT : raw / 10;
}

function temperature(bytes) {
  var raw = unsigned16(bytes, 0);
  if (raw === 0x7fff) return ABSENT;
  return (raw > 0x7fff ? raw - 0x10000 : raw) / 10;
}

function plain(raw) {
  return raw === 0xffff ? ABSENT : raw;
}

function decodeUplink(input) {
  var bytes = input.bytes;
  if (input.fPort !== 2) {
    return { errors: ["fPort " + input.fPort + " is none of ours: measurements come on 2"] };
  }
  if (bytes.length !== 16) {
    return { errors: [bytes.length + " bytes: a measurement has 16"] };
  }
  var battery = bytes[15];
  return {
    data: {
      temperature_c: temperature(bytes),
      humidity_pct: bytes[2] / 2,
      pressure_hpa: tenths(unsigned16(bytes, 3)),
      wind: {
        speed_ms: tenths(unsigned16(bytes, 5)),
        direction_deg: plain(unsigned16(bytes, 7)),
        gust_ms: tenths(unsigned16(bytes, 9)),
      },
      rain_mm: tenths(unsigned16(bytes, 11)),
      solar_kj_m2: plain(unsigned16(bytes, 13)),
      battery_pct: battery,
    },
    warnings: battery < 10 ? ["the battery is at " + battery + " %"] : [],
  };
}
