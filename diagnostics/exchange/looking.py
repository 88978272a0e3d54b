"""Looking a collection through: what it is, its films, and what would be left out; opens no case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from diagnostics.cases.models import View
from diagnostics.exchange.models import ImportedFile
from diagnostics.exchange.refusals import NoCollection
from diagnostics.exchange.wishes import Wishes, digest, reference, some, tidy
from ml import importers
from ml.importers import Imported, ImportRefused, Options, archive
from ml.records import LabelledFilm

MOST_FILMS: Final = 200_000
LONGEST_SOURCE: Final = 100


@dataclass(frozen=True)
class Found:
    """What was found at one place."""

    kind: str
    base: Path
    collection: str
    provenance: dict[str, str]
    left_out: list[dict[str, Any]]
    files: list[ImportedFile]  # not in the database yet, and of no import


def look(place: Path, wishes: Wishes, *, origin: str, unpack_into: Path, cohen: Path | None = None) -> Found:
    """Recognise and list a collection; a ZIP is unpacked into an existing folder. Raises NoCollection."""
    try:
        if archive.is_archive(place):
            place = archive.unpack(place, unpack_into)
        importer = importers.recognise(place)
        read = importer.read(_options(wishes, origin, cohen))
    except ImportRefused as refusal:
        raise NoCollection(refusal.code, str(refusal)) from refusal
    except OSError as trouble:
        raise NoCollection(
            "not_readable", _("This collection cannot be read or unpacked. Is the disk full?")
        ) from trouble
    return _found(read, wishes, kind=importer.name, at=importer.path)


def _options(wishes: Wishes, origin: str, cohen: Path | None) -> Options:
    return Options(
        all_views=wishes.all_views,
        cohen=cohen,
        name=wishes.name or tidy(Path(origin).stem) or "collection",
        pseudonym=lambda name: digest(name, secret=settings.SECRET_KEY),
    )


def _found(read: Imported, wishes: Wishes, *, kind: str, at: Path) -> Found:
    films = some(read.films, wishes.limit)
    if not films:
        raise NoCollection("no_films", _("No film of this collection can be imported."))
    if len(films) > MOST_FILMS:
        raise NoCollection(
            "too_many_films",
            _("More than %(most)d films: import a part at a time.") % {"most": MOST_FILMS},
        )
    base = at if at.is_dir() else at.parent
    return Found(
        kind=kind,
        base=base.resolve(),
        collection=tidy(read.provenance.name, LONGEST_SOURCE),
        provenance=_provenance(read, wishes),
        left_out=_left_out(read),
        files=[_file(place, film, base) for place, film in enumerate(films)],
    )


def _provenance(read: Imported, wishes: Wishes) -> dict[str, str]:
    return {
        "citation": read.provenance.citation,
        "licence": read.provenance.licence,
        "patients": read.provenance.patients,
        "labels": wishes.label_source or _("As the collection gives them."),
    }


def _left_out(read: Imported) -> list[dict[str, Any]]:
    return [
        {
            "reason": reason.value,
            "count": aside.count,
            "examples": list(aside.examples),
            "details": dict(aside.details),
        }
        for reason, aside in sorted(read.left_out.items(), key=lambda item: -item[1].count)
    ]


def _file(place: int, film: LabelledFilm, base: Path) -> ImportedFile:
    return ImportedFile(
        place=place,
        path=_relative(film.path, base),
        finding=film.label,
        patient_ref=reference(film.patient, secret=settings.SECRET_KEY),
        view=_view(film.view),
        source=tidy(film.source, LONGEST_SOURCE),
    )


def _relative(path: Path, base: Path) -> str:
    try:
        return path.relative_to(base).as_posix()
    except ValueError:  # a table may write whole paths, through links even
        return path.resolve().relative_to(base.resolve()).as_posix()


def _view(view: str) -> str:
    return View.AP if view.startswith("AP") else view  # "AP Supine" is AP here
