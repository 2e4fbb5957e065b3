"""What the watch judges by, and what it remembers."""
