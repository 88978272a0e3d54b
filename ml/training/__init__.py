"""Training of a network: stages, schedule, loop, checkpoints and the bundle written at the end."""
