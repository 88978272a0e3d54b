"""Who may see the machine's answer yet, and whether asking again could bring a new one."""

from __future__ import annotations

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import May
from diagnostics.base import OPEN, Status
from diagnostics.cases.models import Case, Prediction
from diagnostics.registry.models import ModelVersion


def may_see_answer(user: User, case: Case) -> bool:
    """Say whether the answer may leave the server: those who read films see it after a reading is signed."""
    return not user.may(May.READ) or case.readings.exists()


def may_be_asked_again(latest: Prediction | None, in_force: ModelVersion | None) -> bool:
    """Say whether asking could bring something new: never asked, after a failure, or by another version."""
    if latest is None:  # the film came with its finding, in an import
        return in_force is not None
    if latest.status in OPEN:
        return False
    return latest.status == Status.FAILED or (in_force is not None and latest.version_id != in_force.pk)
