"""Input and output of the API of monitoring."""
