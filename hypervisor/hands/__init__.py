"""Hands on an instance: readings, its backup, and how long it keeps what."""
