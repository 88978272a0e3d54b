"""Reads of monitoring, one module a subject."""
