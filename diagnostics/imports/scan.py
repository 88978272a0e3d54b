"""Looking a collection through: what it is, its radiographs, and what would be left out; opens no case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from diagnostics.cases.models import View
from diagnostics.imports.errors import UnknownCollection
from diagnostics.imports.models import ImportedFile
from diagnostics.imports.options import ImportOptions, digest, reference, some, tidy
from ml import importers
from ml.importers import Imported, Options, UnreadableCollection, archive
from ml.records import LabelledImage

MOST_RADIOGRAPHS: Final = 200_000
LONGEST_SOURCE: Final = 100


@dataclass(frozen=True)
class ScanResult:
    """What was found at one place."""

    kind: str
    base: Path
    collection: str
    provenance: dict[str, str]
    left_out: list[dict[str, Any]]
    files: list[ImportedFile]  # not in the database yet, and of no import


def scan_collection(
    place: Path, wishes: ImportOptions, *, origin: str, unpack_into: Path, cohen: Path | None = None
) -> ScanResult:
    """Recognise and list a collection; a ZIP is unpacked into an existing folder. Raises NoCollection."""
    try:
        if archive.is_archive(place):
            place = archive.unpack(place, unpack_into)
        importer = importers.recognise(place)
        read = importer.read(_options(wishes, origin, cohen))
    except UnreadableCollection as refusal:
        raise UnknownCollection(refusal.code, str(refusal)) from refusal
    except OSError as trouble:
        raise UnknownCollection(
            "not_readable", _("This collection cannot be read or unpacked. Is the disk full?")
        ) from trouble
    return _found(read, wishes, kind=importer.name, at=importer.path)


def _options(wishes: ImportOptions, origin: str, cohen: Path | None) -> Options:
    return Options(
        all_views=wishes.all_views,
        cohen=cohen,
        name=wishes.name or tidy(Path(origin).stem) or "collection",
        pseudonym=lambda name: digest(name, secret=settings.SECRET_KEY),
    )


def _found(read: Imported, wishes: ImportOptions, *, kind: str, at: Path) -> ScanResult:
    radiographs = some(read.radiographs, wishes.limit)
    if not radiographs:
        raise UnknownCollection("no_radiographs", _("No radiograph of this collection can be imported."))
    if len(radiographs) > MOST_RADIOGRAPHS:
        raise UnknownCollection(
            "too_many_radiographs",
            _("More than %(most)d radiographs: import a part at a time.") % {"most": MOST_RADIOGRAPHS},
        )
    base = at if at.is_dir() else at.parent
    return ScanResult(
        kind=kind,
        base=base.resolve(),
        collection=tidy(read.provenance.name, LONGEST_SOURCE),
        provenance=_provenance(read, wishes),
        left_out=_left_out(read),
        files=[_file(place, radiograph, base) for place, radiograph in enumerate(radiographs)],
    )


def _provenance(read: Imported, wishes: ImportOptions) -> dict[str, str]:
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


def _file(place: int, radiograph: LabelledImage, base: Path) -> ImportedFile:
    return ImportedFile(
        place=place,
        path=_relative(radiograph.path, base),
        finding=radiograph.label,
        patient_ref=reference(radiograph.patient, secret=settings.SECRET_KEY),
        view=_view(radiograph.view),
        source=tidy(radiograph.source, LONGEST_SOURCE),
    )


def _relative(path: Path, base: Path) -> str:
    try:
        return path.relative_to(base).as_posix()
    except ValueError:  # a table may write whole paths, through links even
        return path.resolve().relative_to(base.resolve()).as_posix()


def _view(view: str) -> str:
    return View.AP if view.startswith("AP") else view  # "AP Supine" is AP here
