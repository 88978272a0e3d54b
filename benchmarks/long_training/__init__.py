"""Long, resumable training of the default network: `python -m benchmarks.long_training`."""
