"""The operational log and the hand-over of a shift: what the room itself writes."""
