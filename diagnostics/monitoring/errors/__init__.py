"""Errors of monitoring."""
