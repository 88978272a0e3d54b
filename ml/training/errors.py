"""Errors of a training; every message may be shown to a user."""

from __future__ import annotations


class NoUsableNetwork(RuntimeError):
    """Raised for a training that ends without a usable network."""


class UnusableCheckpoint(ValueError):
    """Raised for a checkpoint that is damaged or belongs to another training."""
