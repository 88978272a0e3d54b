"""Wiring: settings, addresses, Celery, health. Owns no table."""
