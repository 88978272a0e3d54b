"""Worklist, blind readings, adjudication and reader quality."""
