"""The fixtures of the review tests: cases to read, and predictions without a network."""

from tests.review.conftest import admit, classify

__all__ = ["admit", "classify"]
