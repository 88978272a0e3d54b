"""Every reason for an exclusion has a text for users."""

from __future__ import annotations

from diagnostics.imports.errors import EXCLUSION_TEXTS
from ml.importers import Reason


def test_every_exclusion_reason_of_the_importers_has_a_text() -> None:
    assert set(EXCLUSION_TEXTS) == {reason.value for reason in Reason}
