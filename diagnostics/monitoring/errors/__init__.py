"""Errors of monitoring, one module a subject."""
