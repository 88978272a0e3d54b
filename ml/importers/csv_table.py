"""Any table of path and label, with patient, view and source where they are known."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ml.importers import table_reader
from ml.importers.files import files_in, inside, is_radiograph, is_there
from ml.importers.labels import finding_of, view_of
from ml.importers.records import Gathering, Imported, Options, Provenance, Reason
from ml.records import LabelledImage

NAME: Final = "table"
COLUMNS: Final = {
    "path": ("path", "file", "filename", "image"),
    "label": ("label", "finding", "class"),
    "patient": ("patient", "patient_id", "patientid"),
    "view": ("view",),
    "source": ("source",),
}  # what it may be called; the first that is there counts


def recognises(place: Path) -> bool:
    """Tell whether a table, or the only such table in a folder, names paths and labels."""
    return _table(place) is not None


def read(place: Path, options: Options) -> Imported:
    """Take each row whose file lies in the table's folder or below it."""
    table = _table(place)
    assert table is not None  # whoever reads has asked recognises
    columns, name = _columns(table), options.name or table.stem
    gathering = Gathering()
    for row in table_reader.rows(table):
        cells = {what: row[column] for what, column in columns.items()}
        radiograph = _radiograph(table.parent, cells, name, options)
        if isinstance(radiograph, LabelledImage):
            gathering.take(radiograph)
        else:
            detail = cells["label"] if radiograph is Reason.FINDING_NOT_KNOWN else ""
            gathering.leave(radiograph, Path(cells["path"]).name, detail)
    return gathering.done(_provenance(name, has_patients="patient" in columns))


def _radiograph(root: Path, cells: table_reader.Row, name: str, options: Options) -> LabelledImage | Reason:
    finding, view = finding_of(cells["label"]), view_of(cells.get("view", ""))
    if isinstance(finding, Reason):
        return finding
    if view == "LATERAL" and not options.all_views:
        return Reason.LATERAL
    path = inside(root, cells["path"])
    if path is None:
        return Reason.OUTSIDE
    if not is_there(path):
        return Reason.FILE_MISSING
    if not is_radiograph(path):
        return Reason.NOT_AN_IMAGE
    # Sources of one table share its patients: a patient joined by mistake costs little, one torn apart leaks.
    who = cells.get("patient") or f"file {path.relative_to(root).as_posix()}"
    return LabelledImage(path, finding, f"{name}-{options.pseudonym(who)}", cells.get("source") or name, view)


def _table(place: Path) -> Path | None:
    candidates = files_in(place) if place.is_dir() else [place]
    found = [p for p in candidates if p.suffix.lower() == ".csv" and {"path", "label"} <= _columns(p).keys()]
    return found[0] if len(found) == 1 else None


def _columns(table: Path) -> dict[str, str]:
    there = table_reader.header(table)
    named = {what: next((n for n in names if n in there), "") for what, names in COLUMNS.items()}
    return {what: name for what, name in named.items() if name}


def _provenance(name: str, *, has_patients: bool) -> Provenance:
    return Provenance(
        name=name,
        citation="",
        licence="Not stated.",
        patients=(
            "By the table's patient column, under pseudonyms; rows without one are patients of their own."
            if has_patients
            else "Not known: each radiograph is taken for a patient of its own."
        ),
    )
