"""The keys of radiographs and readings: which acts there are, on which pages, and the keys they have at first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.errors import InvalidHotkey

CHORD: Final = re.compile(r"(?:Shift\+)?[^\W_]|[!-/:-@\[-`{-~]")  # a letter or digit, or a sign
KEPT: Final = frozenset({"?"})  # opens the sheet of keys on every page
WORKLIST, READING, SIGNED, CASE = "worklist", "reading", "signed", "case"


@dataclass(frozen=True)
class Hotkey:
    """One act, the key it has until a person gives it another, and the pages that know it."""

    act: str
    chord: str
    words: Promise
    pages: frozenset[str]


@dataclass(frozen=True)
class Group:
    """Acts that stand together on the page of keys."""

    words: Promise
    hotkeys: tuple[Hotkey, ...]


def _group(words: Promise, *acts: tuple[str, str, Promise], pages: tuple[str, ...]) -> Group:
    return Group(words, tuple(Hotkey(*act, frozenset(pages)) for act in acts))


GROUPS: Final = (
    _group(
        _("The radiograph"),
        ("invert", "i", _("Invert")),
        ("zoom-in", "+", _("Zoom in")),
        ("zoom-out", "-", _("Zoom out")),
        ("fit", "=", _("Show the whole radiograph")),
        ("true-size", "z", _("One radiograph pixel on one screen pixel")),
        ("turn-left", "l", _("Turn left")),
        ("turn-right", "r", _("Turn right")),
        ("undo", "Ctrl+z", _("Undo the last change of the view")),
        ("preset-1", "Shift+1", _("Window as sent")),
        ("preset-2", "Shift+2", _("Window: all greys")),
        ("preset-3", "Shift+3", _("Window: lungs")),
        ("preset-4", "Shift+4", _("Window: mediastinum, bones")),
        ("preset-5", "Shift+5", _("Window: high contrast")),
        pages=(READING, SIGNED, CASE),
    ),
    _group(
        _("The heat, once it may be seen"),
        ("peek", "o", _("Hold to see the heat, or the radiograph without it")),
        ("heat", "Shift+o", _("Heat on, off")),
        ("fainter", "[", _("Fainter heat")),
        ("stronger", "]", _("Stronger heat")),
        ("next-class", "c", _("Heat of the next class")),
        pages=(SIGNED, CASE),
    ),
    _group(
        _("After signing"),
        ("side", "s", _("Radiograph and heat side by side")),
        ("second-opinion", "f", _("Ask for a second opinion")),
        pages=(SIGNED,),
    ),
    _group(
        _("Going on"),
        ("next", "n", _("Read the next case")),
        ("take-back", "Shift+b", _("Take the last signature back, within ten seconds")),
        pages=(WORKLIST, READING, SIGNED),
    ),
    _group(_("The patient"), ("prior", "p", _("Prior radiograph beside this one")), pages=(READING, SIGNED)),
    _group(
        _("The worklist"),
        ("row-down", "j", _("One row down")),
        ("row-up", "k", _("One row up")),
        ("choose-row", "x", _("Choose the row, or not")),
        ("search", "/", _("Search by accession number")),
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
        ("compare", "s", _("Sign, then compare")),
        ("give-back", "b", _("Give back unread")),
        pages=(READING,),
    ),
)
HOTKEYS: Final = {hotkey.act: hotkey for group in GROUPS for hotkey in group.hotkeys}


def active_version(own: Mapping[str, str]) -> dict[str, str]:
    """Give every act its key: a person's own where there is one."""
    return {act: own.get(act, hotkey.chord) for act, hotkey in HOTKEYS.items()}


def checked(wanted: Mapping[str, str]) -> dict[str, str]:
    """Return what differs from the keys at first; raises KeyRefused where a key cannot be used.

    An empty key means the one at first.
    """
    keys = active_version(
        {act: written(chord) for act, chord in wanted.items() if act in HOTKEYS and chord.strip()}
    )
    refusals = dict(_refusals(keys))
    if refusals:
        raise InvalidHotkey(refusals)
    return {act: chord for act, chord in keys.items() if chord != HOTKEYS[act].chord}


def written(chord: str) -> str:
    """Write a key the one way that the pages know: 'shift + O' is 'Shift+o'."""
    chord = chord.strip()
    if len(chord) == 1:
        return chord.lower()
    modifier, plus, key = (part.strip() for part in chord.partition("+"))
    return f"{modifier.capitalize()}{plus}{key.lower()}"


def shown(chord: str) -> str:
    """Write a key as it stands on the keyboard: 'Shift+o' is 'Shift+O'."""
    modifier, plus, key = chord.rpartition("+") if len(chord) > 1 else ("", "", chord)
    return f"{modifier}{plus}{key.upper()}"


def _refusals(keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Find what cannot be used, and each key that two acts of one page would have."""
    for act, chord in keys.items():
        if chord == HOTKEYS[act].chord:
            pass  # what is there at first is good, Ctrl+Z too
        elif chord in KEPT:
            yield act, gettext("%(key)s opens the sheet of keys on every page.") % {"key": chord}
            continue
        elif not CHORD.fullmatch(chord):
            yield act, gettext("Use one letter, digit or sign, a letter or digit also with Shift.")
            continue
        other = next((other for other in keys if _clash(act, other, keys)), None)
        if other:
            words = {"key": shown(chord), "act": HOTKEYS[other].words}
            yield act, gettext("%(key)s is taken by '%(act)s'.") % words


def _clash(act: str, other: str, keys: Mapping[str, str]) -> bool:
    is_same_key = act != other and keys[act] == keys[other]
    return is_same_key and bool(HOTKEYS[act].pages & HOTKEYS[other].pages)
