"""Operations on model versions."""

from __future__ import annotations

from diagnostics.registry.services.promotions import (
    MIN_REASON_LENGTH,
    points_of,
    promote,
    roll_back,
    second_person_text,
)
from diagnostics.registry.services.registration import (
    Leaks,
    adopt_default,
    mark_erased,
    publish_missing,
    register_candidate,
    sweep,
)

__all__ = [
    "MIN_REASON_LENGTH",
    "Leaks",
    "adopt_default",
    "mark_erased",
    "points_of",
    "promote",
    "publish_missing",
    "register_candidate",
    "roll_back",
    "second_person_text",
    "sweep",
]
