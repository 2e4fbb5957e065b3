"""Playing into an exercise: replays, simulations, the demonstration, and what came of them."""

from hypervisor.exercises.banner import Standing, standing

__all__ = ["Standing", "standing"]
