"""Measurements, each beside the bare loop of the same run."""
