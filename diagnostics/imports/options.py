"""What the person who imports may wish, and how radiographs and patients are named."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import chain, zip_longest
from typing import Any, Final

from ml.records import LabelledImage

LONGEST_NAME: Final = 40  # characters of a collection's name: it stands in its patients' pseudonyms
DIGEST: Final = 16  # characters


@dataclass(frozen=True)
class ImportOptions:
    """Everything that may be chosen beside the collection itself."""

    name: str = ""  # of a collection that has none of its own
    label_source: str = ""  # who gave the labels
    all_views: bool = False  # also lateral radiographs and those whose view is not given
    limit: int = 0  # this many radiographs, of every finding alike; 0: all

    def as_json(self) -> dict[str, Any]:
        """Write the wishes down."""
        return asdict(self)


def tidy(text: str, longest: int = LONGEST_NAME) -> str:
    """Make a short printable name of what somebody typed or a file is called."""
    return "".join(sign for sign in text if sign.isprintable()).strip()[:longest]


def digest(text: str, *, secret: str) -> str:
    """Stand for a name, so that only the holder of the secret could tell the same one again."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:DIGEST]


def reference(patient: str, *, secret: str) -> str:
    """Name a patient by the collection and a digest; what a collection writes there may tell the finding."""
    return f"{tidy(patient.partition('-')[0])}-{digest(patient, secret=secret)}"


def some(radiographs: Iterable[LabelledImage], limit: int) -> list[LabelledImage]:
    """Take so many radiographs, of every finding in turn as long as there are any; 0 takes all."""
    if not limit:
        return list(radiographs)
    by_finding: dict[str, list[LabelledImage]] = defaultdict(list)
    for radiograph in radiographs:
        by_finding[radiograph.label].append(radiograph)
    turns = chain.from_iterable(zip_longest(*by_finding.values()))
    return [radiograph for radiograph in turns if radiograph is not None][:limit]
