"""A known radiograph as a case of its own, for one reader who cannot tell it from any other."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from random import Random, SystemRandom
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.cases import storage
from diagnostics.cases.deadlines import due_at
from diagnostics.cases.errors import NoFreeReference, StorageUnavailable
from diagnostics.cases.models import PRIORITY_RANK, Case, Prediction, Priority, Radiograph
from diagnostics.cases.services.enqueue import enqueue_prediction_on_commit

CHANCE = SystemRandom()
TRIES: Final = 50
TRIES_PER_PLACE: Final = 5  # before one more sign changes
FEW_DIGITS: Final = 3  # below so many, letters change too


@transaction.atomic
def open_control_copy(*, radiograph_of: Case, like: Case, to: User, now: datetime) -> Case:
    """Open a case with the radiograph of one case and the outward look of another; only `to` ever sees it.

    Its patient reference and accession number are made up in the manner of `like`'s and belong to no case
    of the site. Raises NoFreeReference, StorageTrouble.
    """
    radiograph = _linked(radiograph_of.radiograph)
    try:
        case = _disguised(radiograph_of, like, to, now)
        _radiograph_row(radiograph, radiograph_of.radiograph, case, like, now)
    except BaseException:
        storage.remove_radiograph(storage.radiograph_files(radiograph))
        raise
    prediction = Prediction.objects.create(case=case, queued_at=now)
    enqueue_prediction_on_commit(prediction.pk, case.priority)
    return case


def similar_reference(text: str, *, taken: Callable[[str], bool], chance: Random = CHANCE) -> str:
    """Make up a reference of the same length and kinds of signs that is not taken yet.

    Its last two digits change; more where those near it are taken, and letters where digits are few.
    Raises NoFreeReference where fifty tries find none.
    """
    places = [place for place, sign in enumerate(text) if sign in digits][::-1]
    if len(places) < FEW_DIGITS:
        places += [place for place, sign in enumerate(text) if sign in ascii_letters]
    for attempt in range(TRIES):
        signs = list(text)
        for place in places[: 2 + attempt // TRIES_PER_PLACE]:
            signs[place] = _another(signs[place], first=place == 0, chance=chance)
        made = "".join(signs)
        if made != text and not taken(made):
            return made
    raise NoFreeReference(_("No free reference of this kind was found."))


def _another(sign: str, *, first: bool, chance: Random) -> str:
    numbers = digits if sign == "0" or not first else digits[1:]  # a number keeps its length
    kinds = (numbers, ascii_lowercase, ascii_uppercase)
    return chance.choice(next(kind for kind in kinds if sign in kind))


def _linked(radiograph: Radiograph) -> uuid.UUID:
    copy = uuid.uuid4()
    try:
        storage.link_radiograph(storage.radiograph_files(radiograph.pk), to=storage.radiograph_files(copy))
    except OSError as trouble:
        raise StorageUnavailable(_("The radiograph could not be copied.")) from trouble
    return copy


def _disguised(radiograph_of: Case, like: Case, to: User, now: datetime) -> Case:
    at_site = Case.objects.filter(site=radiograph_of.site_id)
    reference = similar_reference(
        like.patient_ref, taken=lambda made: at_site.filter(patient_ref=made).exists()
    )
    accession = like.accession_number and similar_reference(
        like.accession_number, taken=lambda made: at_site.filter(accession_number=made).exists()
    )
    return Case.objects.create(
        site=radiograph_of.site,
        patient_ref=reference,
        accession_number=accession,
        priority=Priority.ROUTINE,  # no patient waits behind it
        priority_rank=PRIORITY_RANK[Priority.ROUTINE],
        opened_by=like.opened_by,
        opened_at=now,
        due_at=due_at(radiograph_of.site, Priority.ROUTINE, now),
        copy_of=radiograph_of,
        shown_only_to=to,
    )


def _radiograph_row(radiograph: uuid.UUID, of: Radiograph, case: Case, like: Case, now: datetime) -> None:
    row = Radiograph.objects.get(pk=of.pk)
    names, study_at = storage.radiograph_files(radiograph), like.radiograph.study_at
    row.pk, row.case, row.site, row.copied = radiograph, case, case.site, True
    row.original, row.display = names.original, names.display
    row.study_at = study_at + (now - like.opened_at) if study_at else None
    row.save(force_insert=True)
