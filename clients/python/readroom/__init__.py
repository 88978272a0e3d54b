"""Typed client of the API of Readroom; `readroom` is its command line."""

from readroom.client import Client
from readroom.errors import ReadroomError, Refused, TimedOut, Unavailable

__all__ = ["Client", "ReadroomError", "Refused", "TimedOut", "Unavailable"]
