"""Hotkeys of the viewer, the worklist and the reading page: actions, pages and default keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.errors import InvalidHotkeys

CHORD: Final = re.compile(
    r"(?:Shift\+)?[^\W_]|[!-/:-@\[-`{-~]"
)  # a letter or digit, or another printable ASCII character
RESERVED: Final = frozenset({"?"})  # lists the hotkeys on every page
WORKLIST, READING, SIGNED, CASE = "worklist", "reading", "signed", "case"
PATIENT_PAGES: Final = (WORKLIST, READING, SIGNED, CASE)


@dataclass(frozen=True)
class Hotkey:
    """An action, its default key, and the pages where it is available."""

    action: str
    chord: str
    label: Promise
    pages: frozenset[str]


@dataclass(frozen=True)
class Group:
    """Actions listed under one title."""

    title: Promise
    hotkeys: tuple[Hotkey, ...]


def _group(title: Promise, *actions: tuple[str, str, Promise], pages: tuple[str, ...]) -> Group:
    return Group(title, tuple(Hotkey(*action, frozenset(pages)) for action in actions))


GROUPS: Final = (
    _group(
        _("Viewer"),
        ("invert", "i", _("Invert")),
        ("zoom-in", "+", _("Zoom in")),
        ("zoom-out", "-", _("Zoom out")),
        ("fit", "=", _("Fit the image to the window")),
        ("true-size", "z", _("Actual size: one image pixel per screen pixel")),
        ("rotate-left", "l", _("Rotate left")),
        ("rotate-right", "r", _("Rotate right")),
        ("undo", "Ctrl+z", _("Undo the last view change")),
        ("preset-1", "Shift+1", _("Window: as stored")),
        ("preset-2", "Shift+2", _("Window: full range")),
        ("preset-3", "Shift+3", _("Window: lungs")),
        ("preset-4", "Shift+4", _("Window: mediastinum, bone")),
        ("preset-5", "Shift+5", _("Window: high contrast")),
        pages=(READING, SIGNED, CASE),
    ),
    _group(
        _("Heatmap, once it is shown"),
        ("peek", "o", _("Hold to show or hide the heatmap")),
        ("heatmap", "Shift+o", _("Heatmap on or off")),
        ("opacity-down", "[", _("Lower heatmap opacity")),
        ("opacity-up", "]", _("Higher heatmap opacity")),
        ("next-class", "c", _("Heatmap of the next class")),
        pages=(SIGNED, CASE),
    ),
    _group(
        _("After signing"),
        ("side", "s", _("Image and heatmap side by side")),
        ("change", "a", _("Change the reading")),
        ("reason", "e", _("Write the reason for the change")),
        ("second-opinion", "f", _("Request a second opinion")),
        pages=(SIGNED,),
    ),
    _group(
        _("Navigation"),
        ("next", "n", _("Read the next case")),
        ("undo-signature", "Shift+b", _("Undo the last signature, within ten seconds")),
        pages=(WORKLIST, READING, SIGNED),
    ),
    _group(
        _("Priors"),
        ("prior", "p", _("Newest prior beside the radiograph, or none")),
        ("older-prior", "Shift+p", _("The prior before the one shown")),
        pages=(READING, SIGNED),
    ),
    _group(_("Patient"), ("reveal", "m", _("Reveal the patient, audited")), pages=PATIENT_PAGES),
    _group(
        _("List of cases"),
        ("row-down", "j", _("Next row")),
        ("row-up", "k", _("Previous row")),
        ("select-row", "x", _("Select or deselect the row")),
        ("search", "/", _("Search by name, identifier or date")),
        pages=(WORKLIST,),
    ),
    _group(
        _("Reading"),
        ("finding-1", "1", _("First finding")),
        ("finding-2", "2", _("Second finding")),
        ("finding-3", "3", _("Third finding")),
        ("finding-4", "4", _("Fourth finding")),
        ("cannot-judge", "u", _("Cannot judge")),
        ("sure", "7", _("Sure")),
        ("fairly", "8", _("Fairly sure")),
        ("unsure", "9", _("Unsure")),
        ("note", "t", _("Write a note")),
        pages=(READING, SIGNED),
    ),
    _group(
        _("Signing"),
        ("structured-note", "d", _("Structured note: the next group")),
        ("compare", "s", _("Sign, then compare with the AI result")),
        ("release", "b", _("Release case")),
        pages=(READING,),
    ),
)
HOTKEYS: Final = {hotkey.action: hotkey for group in GROUPS for hotkey in group.hotkeys}


def effective_hotkeys(own: Mapping[str, str]) -> dict[str, str]:
    """Return the key of every action: the user's own, or else the default."""
    return {action: own.get(action, hotkey.chord) for action, hotkey in HOTKEYS.items()}


def validated(chords: Mapping[str, str]) -> dict[str, str]:
    """Return the keys that differ from the defaults; raises InvalidHotkeys.

    An empty key selects the default. Unknown actions are ignored.
    """
    own = {
        action: normalized(chord) for action, chord in chords.items() if action in HOTKEYS and chord.strip()
    }
    effective = effective_hotkeys(own)
    errors = dict(_errors(effective))
    if errors:
        raise InvalidHotkeys(errors)
    return {action: chord for action, chord in effective.items() if chord != HOTKEYS[action].chord}


def normalized(chord: str) -> str:
    """Return a key in the notation of static/js/hotkeys.js: 'shift + O' becomes 'Shift+o'."""
    chord = chord.strip()
    if len(chord) == 1:
        return chord.lower()
    modifier, plus, key = (part.strip() for part in chord.partition("+"))
    return f"{modifier.capitalize()}{plus}{key.lower()}"


def displayed(chord: str) -> str:
    """Return a key as printed on the keyboard: 'Shift+o' becomes 'Shift+O'."""
    modifier, plus, key = chord.rpartition("+") if len(chord) > 1 else ("", "", chord)
    return f"{modifier}{plus}{key.upper()}"


def _errors(chords: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each action whose key cannot be used or is shared with another action of the same page."""
    for action, chord in chords.items():
        other = next((other for other in chords if _conflict(action, other, chords)), None)
        if error := _key_error(action, chord):
            yield action, error
        elif other:
            values = {"key": displayed(chord), "action": HOTKEYS[other].label}
            yield action, gettext("%(key)s is already assigned to '%(action)s'.") % values


def _key_error(action: str, chord: str) -> str:
    if chord == HOTKEYS[action].chord:  # a default is always valid, also Ctrl+Z
        return ""
    if chord in RESERVED:
        return gettext("%(key)s is reserved: it lists the keyboard shortcuts.") % {"key": chord}
    if not CHORD.fullmatch(chord):
        return gettext("Use one letter, digit or punctuation mark. Letters and digits may include Shift.")
    return ""


def _conflict(action: str, other: str, chords: Mapping[str, str]) -> bool:
    is_same_key = action != other and chords[action] == chords[other]
    return is_same_key and bool(HOTKEYS[action].pages & HOTKEYS[other].pages)
