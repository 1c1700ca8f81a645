"""A company's history: seeded, pure, vectorised. `World(seed=..., deals=..., now=...)` is the door."""

from simulator.world.truth import Truth
from simulator.world.world import State, World

__all__ = ["State", "Truth", "World"]
