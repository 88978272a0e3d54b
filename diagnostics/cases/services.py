"""What may be done with cases: open one, ask the machine again, bring lost work back."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts import selectors as accounts
from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import May
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.base import NotAllowed, Status
from diagnostics.cases import keeping, recovery, selectors, uploads
from diagnostics.cases.deadlines import due_at
from diagnostics.cases.keeping import FilmNames
from diagnostics.cases.knocking import knock_on_commit
from diagnostics.cases.models import PRIORITY_RANK, Case, Prediction, Priority, Radiograph
from diagnostics.cases.refusals import (
    AlreadyAnswered,
    AlreadyRunning,
    FilmOfAnotherPatient,
    NoVersionInForce,
    StorageTrouble,
)
from diagnostics.cases.uploads import Order
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from ml.records import Film

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """The case of an upload, and whether the upload opened it."""

    case: Case
    created: bool


def open_case(
    *,
    radiograph: bytes,
    patient_ref: str,
    accession_number: str = "",
    view: str = "",
    priority: str = Priority.ROUTINE,
    by: User,
    now: datetime,
) -> Opened:
    """Admit a radiograph and ask for its classification; the same film twice is the same case."""
    _require(by, May.UPLOAD)
    order = uploads.order(
        patient_ref=patient_ref, accession_number=accession_number, view=view, priority=priority
    )
    site = accounts.home_site(by)
    film = uploads.accept(radiograph)
    known = selectors.same_film(site_id=site.pk, pixel_sha256=film.pixel_sha256)
    if known is not None:
        return _known_film(known, order, by=by, now=now)
    film_id = uuid.uuid4()
    names = _keep_film(film_id, radiograph, film)
    row = _film_row(film_id, names, radiograph, film, order)
    try:
        case = _admit(row, order, site=site, by=by, now=now)
    except IntegrityError:
        # The same film came twice at one moment and the other was first.
        keeping.remove_film(names)
        known = selectors.same_film(site_id=site.pk, pixel_sha256=film.pixel_sha256)
        if known is None:
            raise
        return _known_film(known, order, by=by, now=now)
    except BaseException:
        keeping.remove_film(names)
        raise
    return Opened(case=case, created=True)


def bring_in(
    *,
    radiograph: bytes,
    film_id: uuid.UUID,
    patient_ref: str,
    view: str = "",
    site: Site,
    by: User,
    note: Callable[[Opened], None],
    now: datetime,
) -> Opened:
    """Admit a film that comes with its finding; the machine is not asked, and a known film keeps its case.

    `note` writes down what came in, in the same transaction as the case; what it raises undoes both. The
    record keeps one line for the whole import and none for the case.
    """
    _require(by, May.IMPORT)
    order = uploads.order(patient_ref=patient_ref, accession_number="", view=view, priority=Priority.ROUTINE)
    film = uploads.accept(radiograph)
    known = selectors.same_film(site_id=site.pk, pixel_sha256=film.pixel_sha256)
    if known is None:
        # The caller's id names the files: an attempt after this worker's death writes over them.
        keeping.remove_drafts(keeping.film_names(film_id))
        row = _film_row(film_id, _keep_film(film_id, radiograph, film), radiograph, film, order)
        try:
            return _noted(
                note,
                lambda: Opened(
                    _admit_film(row, order, site=site, by=by, now=now, listed=False), created=True
                ),
            )
        except IntegrityError:
            known = selectors.same_film(site_id=site.pk, pixel_sha256=film.pixel_sha256)
            if known is None:
                raise
            if known.radiograph.pk != film_id:  # its files are another's: these here are nobody's
                keeping.remove_film(keeping.film_names(film_id))
    case = known
    return _noted(note, lambda: Opened(case, created=False))


@transaction.atomic
def retry(*, case: Case, by: User, now: datetime) -> Prediction:
    """Ask the version in force for an answer after a failure, or after another version's answer."""
    _require(by, May.RETRY)
    version = registry.in_force()
    if version is None:
        raise NoVersionInForce(_("No model version is in force. Ask an administrator to promote one."))
    if selectors.answered(case, version):
        raise AlreadyAnswered(_("Version %(version)s has answered for this film.") % {"version": version})
    prediction = _queue_again(case, version, now)
    audit.record(action=Action.CASE_RETRIED, by=by, target=case, detail={"version": str(version)}, now=now)
    knock_on_commit(prediction.pk, case.priority)
    return prediction


def requeue_lost(*, now: datetime) -> int:
    """Bring back rows whose worker died or whose knock was lost; says how many."""
    return recovery.bring_back_lost(now=now)


def _require(by: User, what: May) -> None:
    if not by.may(what):
        raise NotAllowed(_("Your role may not do this: %(what)s.") % {"what": what.label})


def _known_film(case: Case, order: Order, *, by: User, now: datetime) -> Opened:
    if case.patient_ref == order.patient_ref:
        return Opened(case=case, created=False)
    # On record although the upload is refused; the refusal says nothing of the other patient.
    audit.record(action=Action.CONFLICT_FOUND, by=by, target=case, now=now)
    raise FilmOfAnotherPatient(
        _(
            "This film is already kept under another patient reference. Nothing was stored: "
            "please compare the reference with the film."
        )
    )


def _keep_film(film_id: uuid.UUID, radiograph: bytes, film: Film) -> FilmNames:
    names = keeping.film_names(film_id)
    try:
        keeping.keep_film(names, original=radiograph, film=film)
    except OSError as trouble:
        logger.error("a film could not be stored: %s", trouble.strerror)
        raise StorageTrouble(
            _("The film could not be stored, nothing was saved. Please tell an administrator.")
        ) from trouble
    return names


def _film_row(
    film_id: uuid.UUID, names: FilmNames, radiograph: bytes, film: Film, order: Order
) -> Radiograph:
    return Radiograph(
        id=film_id,
        original=names.original,
        display=names.display,
        file_sha256=hashlib.sha256(radiograph).hexdigest(),
        pixel_sha256=film.pixel_sha256,
        width=film.width,
        height=film.height,
        bits=film.bits,
        source_format=film.source_format,
        view=order.view or film.view,
        sex=film.sex,
        age=film.age,
        study_at=film.study_at,
        colour=film.colour,
    )


@transaction.atomic
def _admit(row: Radiograph, order: Order, *, site: Site, by: User, now: datetime) -> Case:
    case = _admit_film(row, order, site=site, by=by, now=now)
    prediction = Prediction.objects.create(case=case, queued_at=now)
    audit.record(action=Action.CASE_OPENED, by=by, target=case, now=now)
    knock_on_commit(prediction.pk, order.priority)
    return case


@transaction.atomic
def _noted(note: Callable[[Opened], None], admit: Callable[[], Opened]) -> Opened:
    opened = admit()
    note(opened)
    return opened


def _admit_film(
    row: Radiograph, order: Order, *, site: Site, by: User, now: datetime, listed: bool = True
) -> Case:
    case = Case.objects.create(
        site=site,
        patient_ref=order.patient_ref,
        accession_number=order.accession_number,
        priority=order.priority,
        priority_rank=PRIORITY_RANK[order.priority],
        opened_by=by,
        opened_at=now,
        due_at=due_at(site, order.priority, now),
        listed=listed,
    )
    row.case, row.site = case, site
    row.save(force_insert=True)
    return case


def _queue_again(case: Case, version: ModelVersion, now: datetime) -> Prediction:
    latest = selectors.latest_prediction(case)
    if latest is None or latest.status == Status.DONE:
        return _queue_new(case, version, now)
    reset = Prediction.objects.filter(pk=latest.pk, status=Status.FAILED).update(
        status=Status.QUEUED,
        version=version,
        attempts=0,
        queued_at=now,
        started_at=None,
        finished_at=None,
        failure_code="",
        failure_text="",
    )
    if not reset:
        raise _already_running()
    return Prediction.objects.get(pk=latest.pk)


def _queue_new(case: Case, version: ModelVersion, now: datetime) -> Prediction:
    try:
        with transaction.atomic():
            return Prediction.objects.create(case=case, version=version, queued_at=now)
    except IntegrityError as trouble:
        raise _already_running() from trouble


def _already_running() -> AlreadyRunning:
    return AlreadyRunning(_("The machine is at work on this film already. The answer will appear here."))
