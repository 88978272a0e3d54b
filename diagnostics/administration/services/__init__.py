"""Changes that reach more than one app."""
