"""De-identification of a DICOM data set by the basic profile of DICOM PS3.15, table E.1-1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import pydicom
from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

EDITION: Final = "DICOM PS3.15 2026c Basic Profile"
CODES: Final = {  # PS3.16, CID 7050
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
}
BASIC, CLEAN_PIXELS, MODIFIED_DATES = CODES
DUMMIES: Final[dict[str, Any]] = {  # a value for each representation that action D replaces
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), "ANONYMIZED"),
    **{"AS": "000Y", "DA": "19000101", "DT": "19000101000000", "TM": "000000"},
    **dict.fromkeys(("DS", "IS"), "0"),
}
CURVES, OVERLAYS, PATIENT_GROUP = range(0x5000, 0x5100), range(0x6000, 0x6100), 0x0010


class Action(StrEnum):
    """What was done with an attribute."""

    REMOVED = "removed"
    EMPTIED = "emptied"
    REPLACED = "replaced"
    UID_MAPPED = "UID mapped"
    SHIFTED = "date shifted"


# The actions X, X/Z, X/D and X/Z/U* are carried out as X, Z/D and X/Z/D as Z: nothing is kept that may go.
ACTIONS: Final[dict[int, Action]] = {
    BaseTag((group << 16) + element): action
    for action, rows in (
        (
            Action.REMOVED,
            [*table.X_TAGS, *table.X_Z_TAGS, *table.X_D_TAGS, *table.X_Z_U_STAR_TAGS],
        ),
        (Action.EMPTIED, [*table.Z_TAGS, *table.Z_D_TAGS, *table.X_Z_D_TAGS]),
        (Action.REPLACED, table.D_TAGS),
        (Action.UID_MAPPED, table.U_TAGS),
    )
    for group, element, *mask in rows
    if not mask  # repeating groups, which `_is_repeating_group` removes whole
}


@dataclass(frozen=True)
class Change:
    """One attribute that was changed; never its value."""

    tag: str  # (0010,0010)
    keyword: str  # empty for a private attribute
    action: Action


@dataclass(frozen=True, repr=False)
class Replacement:
    """What takes the place of the identity: a UID maps to the same new UID in every file of a site."""

    patient_id: str
    uid: Callable[[str], str]
    shift: timedelta | None = None  # None: dates are removed


def deidentify(dataset: pydicom.Dataset, replacement: Replacement) -> list[Change]:
    """De-identify a data set in place and return what was changed, in the order of the tags."""
    changes = list(_changes(dataset, replacement))
    dataset.PatientID = replacement.patient_id
    dataset.PatientName = replacement.patient_id
    dataset.PatientIdentityRemoved = "YES"
    dataset.LongitudinalTemporalInformationModified = "MODIFIED" if replacement.shift else "REMOVED"
    dataset.DeidentificationMethod = EDITION
    record_methods(dataset, BASIC, *([MODIFIED_DATES] if replacement.shift else []))
    return changes


def record_methods(dataset: pydicom.Dataset, *codes: str) -> None:
    """Add codes of CID 7050 to the methods that a data set names."""
    methods = list(dataset.get("DeidentificationMethodCodeSequence") or [])
    for code in codes:
        item = pydicom.Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", CODES[code]
        methods.append(item)
    dataset.DeidentificationMethodCodeSequence = Sequence(methods)


def _changes(dataset: pydicom.Dataset, replacement: Replacement) -> Iterator[Change]:
    for tag in sorted(dataset.keys()):
        was_empty, is_sequence = _is_empty(dataset, tag), _representation(dataset, tag) == "SQ"
        action = _action(dataset, tag, replacement)
        if action is None and is_sequence:
            for item in dataset[tag].value or []:
                yield from _changes(item, replacement)
        elif action is not None and not was_empty:
            yield Change(f"({tag.group:04X},{tag.element:04X})", keyword_for_tag(tag), action)


def _is_empty(dataset: pydicom.Dataset, tag: BaseTag) -> bool:
    value = dataset.get_item(tag).value
    return value is None or (isinstance(value, Sized) and len(value) == 0)


def _action(dataset: pydicom.Dataset, tag: BaseTag, replacement: Replacement) -> Action | None:
    """Carry out the action of the table on one attribute, and return it; None where it is kept."""
    if tag.is_private or _is_repeating_group(tag) or not dictionary_has_tag(tag):
        return _remove(dataset, tag)
    try:
        if _representation(dataset, tag) == "SQ" and ACTIONS.get(tag) is None:
            list(dataset[tag].value or [])  # an unreadable sequence raises here
            return None
        return _by_table(dataset, tag, replacement)
    except Exception:  # pydicom raises many kinds of errors for a damaged value, which is not kept then
        return _remove(dataset, tag)


def _by_table(dataset: pydicom.Dataset, tag: BaseTag, replacement: Replacement) -> Action | None:
    action, representation = ACTIONS.get(tag), _representation(dataset, tag)
    if action is None:
        return None
    if replacement.shift is not None and tag.group != PATIENT_GROUP and representation in ("DA", "DT", "TM"):
        return _shift(dataset, tag, replacement.shift)
    if action == Action.UID_MAPPED and representation == "UI":
        return _map_uids(dataset, tag, replacement)
    if action == Action.EMPTIED:
        dataset[tag].value = Sequence() if representation == "SQ" else None
        return action
    if action == Action.REPLACED and representation in DUMMIES:
        dataset[tag].value = DUMMIES[representation]
        return action
    return _remove(dataset, tag)


def _remove(dataset: pydicom.Dataset, tag: BaseTag) -> Action:
    del dataset[tag]
    return Action.REMOVED


def _map_uids(dataset: pydicom.Dataset, tag: BaseTag, replacement: Replacement) -> Action:
    element = dataset[tag]
    if element.VM > 1:
        element.value = [replacement.uid(str(each)) for each in element.value]
    elif element.value:
        element.value = replacement.uid(str(element.value))
    return Action.UID_MAPPED


def _shift(dataset: pydicom.Dataset, tag: BaseTag, shift: timedelta) -> Action | None:
    """Shift a date by whole days; a time stays as it is, and a date that cannot be read is removed."""
    element, representation = dataset[tag], _representation(dataset, tag)
    if representation == "TM" or not element.value:
        return None
    if element.VM > 1:
        return _remove(dataset, tag)
    element.value = shifted(str(element.value), shift)
    return Action.SHIFTED


def shifted(text: str, shift: timedelta) -> str:
    """Return a DA or DT with its day shifted; raises ValueError for any other text."""
    day = date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:8]}") + timedelta(days=shift.days)
    return f"{day:%Y%m%d}".rjust(8, "0") + text[8:]


def shifted_time(at: datetime | None, shift: timedelta | None) -> datetime | None:
    """Return a time shifted by whole days; None where dates are removed."""
    return None if at is None or shift is None else at + timedelta(days=shift.days)


def _is_repeating_group(tag: BaseTag) -> bool:
    return tag.group in CURVES or tag.group in OVERLAYS


def _representation(dataset: pydicom.Dataset, tag: BaseTag) -> str:
    stored = dataset.get_item(tag).VR
    if stored not in (None, "UN") or not dictionary_has_tag(tag):
        return str(stored)
    return str(dictionary_VR(tag))
