"""What other programs read by a standard: OGC SensorThings and OGC API Features."""
