"""Entrances of other systems, and the pages about them."""
