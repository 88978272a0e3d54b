"""API of monitoring."""
