"""The order in which classes are listed, so that the outputs of two networks can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

CLASS_ORDER: Final = ("covid-19", "pneumonia", "normal", "other")


def sort_classes(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct labels in CLASS_ORDER, unknown labels last and alphabetically."""
    rank = {label: index for index, label in enumerate(CLASS_ORDER)}
    return tuple(sorted(set(labels), key=lambda label: (rank.get(label, len(CLASS_ORDER)), label)))
