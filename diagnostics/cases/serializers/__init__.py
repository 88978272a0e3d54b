"""Input and output of the cases API."""
