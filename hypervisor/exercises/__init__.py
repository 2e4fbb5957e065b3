"""Exercises: replays, simulations, injects, debrief, the demonstration."""
