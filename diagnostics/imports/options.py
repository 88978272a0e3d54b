"""The options of an import, and the pseudonyms of its patients."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import chain, zip_longest
from typing import Any, Final

from ml.records import LabelledImage

MAX_NAME_LENGTH: Final = 40  # of a collection; the name is part of its patients' pseudonyms
DIGEST_LENGTH: Final = 16


@dataclass(frozen=True)
class ImportOptions:
    """The settings that a user may choose besides the collection itself."""

    name: str = ""  # of a collection that is not a known public one
    label_source: str = ""  # who assigned the findings
    all_views: bool = False  # include lateral radiographs and those without a stated view
    limit: int = 0  # number of radiographs, balanced over the findings; 0: all

    def as_json(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        return asdict(self)


def printable_name(text: str, max_length: int = MAX_NAME_LENGTH) -> str:
    """Return the printable characters of a typed name or a file name, shortened."""
    return "".join(character for character in text if character.isprintable()).strip()[:max_length]


def digest(text: str, *, secret: str) -> str:
    """Return a keyed digest of a name; only the holder of the secret can compute it again."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:DIGEST_LENGTH]


def patient_pseudonym(patient: str, *, secret: str) -> str:
    """Return the collection's name and a digest; the collection's own patient id may reveal the finding."""
    return f"{printable_name(patient.partition('-')[0])}-{digest(patient, secret=secret)}"


def balanced_subset(images: Iterable[LabelledImage], limit: int) -> list[LabelledImage]:
    """Return `limit` images, taken from each finding in turn while it has any; 0 returns all."""
    if not limit:
        return list(images)
    by_finding: dict[str, list[LabelledImage]] = defaultdict(list)
    for image in images:
        by_finding[image.label].append(image)
    in_turn = chain.from_iterable(zip_longest(*by_finding.values()))
    return [image for image in in_turn if image is not None][:limit]
