"""Scans a collection: recognises its format and lists radiographs and exclusions. Opens no case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from diagnostics.cases.models import View
from diagnostics.imports.errors import UnknownCollection
from diagnostics.imports.models import ImportedFile
from diagnostics.imports.options import (
    ImportOptions,
    balanced_subset,
    digest,
    patient_pseudonym,
    printable_name,
)
from ml import importers
from ml.importers import LabelledCollection, ReadOptions, UnreadableCollection, archive
from ml.records import LabelledImage

MAX_RADIOGRAPHS: Final = 200_000
MAX_SOURCE_LENGTH: Final = 100


@dataclass(frozen=True)
class ScanResult:
    """The content of one collection."""

    importer: str
    base_folder: Path
    collection: str
    provenance: dict[str, str]
    exclusions: list[dict[str, Any]]
    files: list[ImportedFile]  # unsaved, and not yet part of an import


def scan_collection(
    path: Path, options: ImportOptions, *, origin: str, unpack_into: Path, cohen: Path | None = None
) -> ScanResult:
    """Recognise and list a collection; unpack a ZIP into an existing folder. Raises UnknownCollection."""
    try:
        if archive.is_archive(path):
            path = archive.unpack(path, unpack_into)
        importer = importers.recognise(path)
        imported = importer.read(_importer_options(options, origin, cohen))
    except UnreadableCollection as error:
        raise UnknownCollection(error.code, str(error)) from error
    except OSError as error:
        raise UnknownCollection(
            "not_readable", _("The collection cannot be read or unpacked. Check the free disk space.")
        ) from error
    return _scan_result(imported, options, importer=importer.name, path=importer.path)


def _importer_options(options: ImportOptions, origin: str, cohen: Path | None) -> ReadOptions:
    return ReadOptions(
        all_views=options.all_views,
        cohen=cohen,
        name=options.name or printable_name(Path(origin).stem) or "collection",
        pseudonym=lambda name: digest(name, secret=settings.SECRET_KEY),
    )


def _scan_result(
    imported: LabelledCollection, options: ImportOptions, *, importer: str, path: Path
) -> ScanResult:
    images = balanced_subset(imported.radiographs, options.limit)
    if not images:
        raise UnknownCollection("no_radiographs", _("No radiograph of this collection can be imported."))
    if len(images) > MAX_RADIOGRAPHS:
        raise UnknownCollection(
            "too_many_radiographs",
            _("The collection has more than %(limit)d radiographs. Import it in parts.")
            % {"limit": MAX_RADIOGRAPHS},
        )
    base = path if path.is_dir() else path.parent
    return ScanResult(
        importer=importer,
        base_folder=base.resolve(),
        collection=printable_name(imported.provenance.name, MAX_SOURCE_LENGTH),
        provenance=_provenance(imported, options),
        exclusions=_exclusions(imported),
        files=[_file(position, image, base) for position, image in enumerate(images)],
    )


def _provenance(imported: LabelledCollection, options: ImportOptions) -> dict[str, str]:
    return {
        "citation": imported.provenance.citation,
        "licence": imported.provenance.licence,
        "patients": imported.provenance.patients,
        "labels": options.label_source or _("As stated by the collection."),
    }


def _exclusions(imported: LabelledCollection) -> list[dict[str, Any]]:
    return [
        {
            "reason": reason.value,
            "count": excluded.count,
            "examples": list(excluded.examples),
            "details": dict(excluded.details),
        }
        for reason, excluded in sorted(imported.excluded.items(), key=lambda item: -item[1].count)
    ]


def _file(position: int, image: LabelledImage, base: Path) -> ImportedFile:
    return ImportedFile(
        position=position,
        path=_relative_path(image.path, base),
        finding=image.label,
        patient_ref=patient_pseudonym(image.patient, secret=settings.SECRET_KEY),
        view=_view(image.view),
        source=printable_name(image.source, MAX_SOURCE_LENGTH),
    )


def _relative_path(path: Path, base: Path) -> str:
    try:
        return path.relative_to(base).as_posix()
    except ValueError:  # a table may contain absolute paths, also through symbolic links
        return path.resolve().relative_to(base.resolve()).as_posix()


def _view(view: str) -> str:
    return View.AP if view.startswith("AP") else view  # "AP Supine" is an AP view
