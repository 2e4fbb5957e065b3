"""Commands to actuators: drafted, signed, sent, acknowledged, confirmed by a reading."""
