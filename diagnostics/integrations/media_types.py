"""What a DICOMweb client accepts (PS3.18, 8.7): the media types of an Accept header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from pydicom.uid import ExplicitVRLittleEndian

from diagnostics.integrations.errors.dicomweb import NotAcceptable

MULTIPART: Final = "multipart/related"
PARAMETER: Final = re.compile(r';\s*([\w-]+)\s*=\s*("[^"]*"|[^;,\s]*)')
SYNTAXES: Final = ("", "*", str(ExplicitVRLittleEndian))  # of which pixels are sent
RANGES: Final = re.compile(r'(?:[^,"]|"[^"]*")+')
MAX_LENGTH: Final = 4096


@dataclass(frozen=True)
class MediaType:
    """One media type, alone or as the type of the parts of a multipart message."""

    name: str
    is_multipart: bool = False


def chosen(accept: str, offered: Sequence[MediaType]) -> MediaType:
    """Return the first accepted type that is offered; the first offer where all are accepted.

    Raises NotAcceptable. Weights are not read: the order of the header is the preference.
    """
    for media_range in RANGES.findall(accept[:MAX_LENGTH] or "*/*"):
        for offer in offered:
            if _accepts(media_range, offer):
                return offer
    raise NotAcceptable(
        _("This is offered as: %(types)s.") % {"types": ", ".join(_text(offer) for offer in offered)}
    )


def _accepts(media_range: str, offer: MediaType) -> bool:
    name = media_range.partition(";")[0].strip().lower()
    parameters = {key.lower(): value.strip('"') for key, value in PARAMETER.findall(media_range)}
    if parameters.get("transfer-syntax", "") not in SYNTAXES:
        return False
    if name == MULTIPART:
        inner = parameters.get("type", "").lower()
        return offer.is_multipart and inner in ("", "*/*", offer.name, f"{offer.name.split('/')[0]}/*")
    if name == "*/*":
        return True
    return not offer.is_multipart and name in (offer.name, f"{offer.name.split('/')[0]}/*")


def _text(offer: MediaType) -> str:
    return f'{MULTIPART}; type="{offer.name}"' if offer.is_multipart else offer.name
