"""Readings: stored, looked up, rolled up, copied, let go, and what people do to them."""
