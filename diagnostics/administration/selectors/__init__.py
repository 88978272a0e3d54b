"""Reads: the figures of the home page."""
