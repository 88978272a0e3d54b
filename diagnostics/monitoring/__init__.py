"""Monitoring of the active version: volume, failures, drift, agreement with readers, alerts."""
