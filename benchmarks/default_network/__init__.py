"""The resumable training of the default network: `python -m benchmarks.default_network`."""
