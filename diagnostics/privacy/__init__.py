"""Retention, export and erasure of patient data."""
