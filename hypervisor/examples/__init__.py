"""Example territories."""
