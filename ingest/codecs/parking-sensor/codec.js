// Our parking sensor, in the form of TS013: two bytes, whether the space is taken and the battery in
// percent; on fPort 1 when a vehicle comes or goes, on 2 as a sign of life. 3 tells of its start.

function decodeUplink(input) {
  var bytes = input.bytes;
  if (input.fPort === 3) return { data: { started: true } };
  if (input.fPort !== 1 && input.fPort !== 2) {
    return { errors: ["fPort " + input.fPort + " is none of ours: a space speaks on 1 and 2"] };
  }
  if (bytes.length !== 2 || bytes[0] > 1) {
    return { errors: ["a space sends two bytes, of which the first is 0 or 1"] };
  }
  return { data: { occupied: bytes[0] === 1, battery: bytes[1] } };
}
