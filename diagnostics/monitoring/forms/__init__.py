"""Forms of monitoring."""
