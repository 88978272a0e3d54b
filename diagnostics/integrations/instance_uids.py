"""The UIDs under which other systems find a radiograph: those of its file, or UIDs made of its row's ids."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import Q

from diagnostics.cases.models import Radiograph
from diagnostics.keyset import equal_unindexed

PREFIX: Final = "2.25."  # of a UID that is a UUID as a decimal number, PS3.5 B.2
SERIES: Final = 1  # its last bit tells the series of a case from its study


@dataclass(frozen=True)
class InstanceUids:
    """Study, series and instance of a radiograph."""

    study: str
    series: str
    instance: str


def uids_of(radiograph: Radiograph) -> InstanceUids:
    """Return the UIDs of a radiograph; each that its file lacks is made of the ids of its rows."""
    study = radiograph.study_uid or f"{PREFIX}{radiograph.case_id.int}"
    series = radiograph.series_uid or f"{PREFIX}{radiograph.case_id.int ^ SERIES}"
    return InstanceUids(study, series, radiograph.sop_instance_uid or f"{PREFIX}{radiograph.pk.int}")


def in_studies(uids: Iterable[str]) -> tuple[Q, Q]:
    """Return the conditions of the radiographs of these studies: with a UID of their own, and without."""
    uids = list(uids)
    return Q(study_uid__in=uids), Q(equal_unindexed("study_uid", ""), case__in=_ids(uids))


def in_series(uids: Iterable[str]) -> tuple[Q, Q]:
    """Return the conditions of the radiographs of these series."""
    uids = list(uids)
    cases = [uuid.UUID(int=each.int ^ SERIES) for each in _ids(uids)]
    return Q(series_uid__in=uids), Q(equal_unindexed("series_uid", ""), case__in=cases)


def of_instances(uids: Iterable[str]) -> tuple[Q, Q]:
    """Return the conditions of the radiographs with these SOP instance UIDs."""
    uids = list(uids)
    return Q(sop_instance_uid__in=uids), Q(equal_unindexed("sop_instance_uid", ""), pk__in=_ids(uids))


def _ids(uids: Iterable[str]) -> list[uuid.UUID]:
    numbers = (int(uid[len(PREFIX) :]) for uid in uids if re.fullmatch(r"2\.25\.[0-9]{1,39}", uid))
    return [uuid.UUID(int=number) for number in numbers if number < 1 << 128]
