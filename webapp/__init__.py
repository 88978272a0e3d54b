"""Wiring: settings, URLs, Celery, health. Owns no table."""

from webapp.celery import app as celery_app

__all__ = ["celery_app"]
