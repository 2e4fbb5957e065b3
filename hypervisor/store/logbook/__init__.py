"""The room's log, and shifts handed over."""
