"""The upgrade from the first version."""
