"""Signed findings become a candidate model."""
