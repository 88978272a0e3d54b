"""Helpers of the tests of control cases."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from diagnostics.accounts.models import User
from diagnostics.cases import storage
from diagnostics.cases.models import Case
from diagnostics.review.models import Reading
from diagnostics.review.services import control_cases, readings, reference_cases

MONTH = timedelta(days=31)


class FixedDraw(Random):
    """A generator whose `random` returns a fixed number and which always chooses the first element."""

    def __init__(self, number: float) -> None:
        super().__init__(0)
        self._number = number

    def random(self) -> float:
        return self._number

    def randrange(self, start: int, *_more: int) -> int:  # type: ignore[override]
        return 0


REFERENCE, REPEAT, NEITHER = FixedDraw(0.0), FixedDraw(0.5), FixedDraw(0.999)


def make_reference_case(case: Case, finding: str, reader: User, administrator: User, now: datetime) -> Case:
    """Give a case image files, a reading and a reference standard."""
    write_files(case)
    sign(case, reader, "normal", now)
    reference_cases.set_reference_case(case=case, finding=finding, basis="rt-pcr", by=administrator, now=now)
    case.refresh_from_db()
    return case


def write_files(case: Case) -> None:
    names = storage.radiograph_files(case.radiograph.pk)
    for name in (names.original, names.display, names.grey):
        storage.store_file(name, name.encode())


def sign(case: Case, by: User, finding: str, now: datetime) -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, now=now)


def add_control(
    case: Case, reader: User, now: datetime, rng: Random = REFERENCE, finding: str = "normal"
) -> Case:
    """Sign a reading and return the control case that is added after it."""
    control = control_cases.add_after_reading(sign(case, reader, finding, now), now, rng)
    assert control is not None
    return control
