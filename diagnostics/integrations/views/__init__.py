"""Entrances of other systems, and the pages about them, one module a subject."""
