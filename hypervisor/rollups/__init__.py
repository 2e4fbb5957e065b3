"""The part that keeps readings rolled up by hour and day."""
