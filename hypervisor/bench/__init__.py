"""Benchmarks for users' own machines: `hypervisor bench`."""
