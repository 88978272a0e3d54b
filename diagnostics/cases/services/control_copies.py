"""Control copies: the radiograph of a case as a new case for one reader, indistinguishable from others."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from random import Random, SystemRandom
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.cases import storage
from diagnostics.cases.deadlines import due_at
from diagnostics.cases.errors import NoFreeReference, StorageUnavailable
from diagnostics.cases.models import PRIORITY_RANK, Case, Prediction, Priority, Radiograph
from diagnostics.cases.services.enqueue import enqueue_prediction_on_commit
from diagnostics.patients import services as patients

RANDOM = SystemRandom()
MAX_TRIES: Final = 50
TRIES_PER_POSITION: Final = 5  # before one more character changes
UIDS: Final = ("study_uid", "series_uid", "sop_instance_uid")  # of the original patient's study
COPIED_TEXTS: Final = ("referrer", "clinical_question")  # of the case that a control copy looks like
MIN_DIGITS: Final = 3  # with fewer digits, letters change too


@transaction.atomic
def open_control_copy(*, radiograph_of: Case, like: Case, to: User, now: datetime) -> Case:
    """Create a case with the radiograph of one case and the appearance of another; visible to `to` only.

    Its patient reference, accession number and UIDs are synthetic: formatted like those of `like`, and used
    by no case of the site. Raises NoFreeReference, StorageUnavailable.
    """
    radiograph_id = _link_files(radiograph_of.radiograph)
    case = _create_case(radiograph_of, like, to, now)
    _create_radiograph(radiograph_id, radiograph_of.radiograph, case, like, now)
    patients.record_synthetic(
        site=case.site,
        reference=case.patient_ref,
        like=like.patient_ref,
        not_of=radiograph_of.patient_ref,
        age=radiograph_of.radiograph.age,
        at=now,
    )
    prediction = Prediction.objects.create(case=case, queued_at=now)
    enqueue_prediction_on_commit(prediction.pk, case.priority)
    return case


def similar_reference(text: str, *, taken: Callable[[str], bool], chance: Random = RANDOM) -> str:
    """Return an unused reference of the same length and format.

    The last two digits change; more digits when similar references are taken, and letters when digits are
    few. Raises NoFreeReference after fifty tries.
    """
    positions = [position for position, character in enumerate(text) if character in digits][::-1]
    if len(positions) < MIN_DIGITS:
        positions += [position for position, character in enumerate(text) if character in ascii_letters]
    for attempt in range(MAX_TRIES):
        characters = list(text)
        for position in positions[: 2 + attempt // TRIES_PER_POSITION]:
            characters[position] = _replacement(characters[position], first=position == 0, chance=chance)
        reference = "".join(characters)
        if reference != text and not taken(reference):
            return reference
    raise NoFreeReference(_("No free reference of this format was found."))


def _replacement(character: str, *, first: bool, chance: Random) -> str:
    numerals = digits if character == "0" or not first else digits[1:]  # a number keeps its length
    kinds = (numerals, ascii_lowercase, ascii_uppercase)
    return chance.choice(next(kind for kind in kinds if character in kind))


def _link_files(radiograph: Radiograph) -> uuid.UUID:
    copy_id = uuid.uuid4()
    try:
        storage.link_radiograph(storage.radiograph_files(radiograph.pk), to=storage.radiograph_files(copy_id))
    except OSError as error:
        raise StorageUnavailable(_("The radiograph could not be copied.")) from error
    return copy_id


def _create_case(radiograph_of: Case, like: Case, to: User, now: datetime) -> Case:
    at_site = Case.objects.filter(site=radiograph_of.site_id)
    reference = similar_reference(
        like.patient_ref, taken=lambda text: at_site.filter(patient_ref=text).exists()
    )
    accession_number = like.accession_number and similar_reference(
        like.accession_number, taken=lambda text: at_site.filter(accession_number=text).exists()
    )
    return Case.objects.create(
        site=radiograph_of.site,
        patient_ref=reference,
        accession_number=accession_number,
        priority=Priority.ROUTINE,  # a control case must not delay a patient's case
        priority_rank=PRIORITY_RANK[Priority.ROUTINE],
        opened_by=like.opened_by,
        opened_at=now,
        due_at=due_at(radiograph_of.site, Priority.ROUTINE, now),
        copy_of=radiograph_of,
        shown_only_to=to,
        **{name: getattr(like, name) for name in COPIED_TEXTS},
    )


def _create_radiograph(
    radiograph_id: uuid.UUID, original: Radiograph, case: Case, like: Case, now: datetime
) -> None:
    row = Radiograph.objects.get(pk=original.pk)
    names, study_at = storage.radiograph_files(radiograph_id), like.radiograph.study_at
    row.pk, row.case, row.site, row.is_control_copy = radiograph_id, case, case.site, True
    row.original, row.display, row.depth_sha256, row.thumbnail_sha256 = names.original, names.display, "", ""
    row.study_at = study_at + (now - like.opened_at) if study_at else None
    row.institution = like.radiograph.institution
    for name in UIDS:
        setattr(row, name, _similar_uid(name, like.radiograph))
    row.save(force_insert=True)
    try:
        storage.require_recent(names.original, names.display, names.grey, now=timezone.now())
    except OSError as error:
        raise StorageUnavailable(_("The radiograph could not be copied.")) from error


def _similar_uid(name: str, like: Radiograph) -> str:
    uid = getattr(like, name)
    taken = Radiograph.objects.filter(site=like.site_id)
    return uid and similar_reference(uid, taken=lambda text: taken.filter(**{name: text}).exists())
