"""Playing into an exercise: replays, simulations, the demonstration, and what came of them."""
