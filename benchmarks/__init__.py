"""Benchmarks for developers, outside the wheel: `python -m benchmarks`."""
