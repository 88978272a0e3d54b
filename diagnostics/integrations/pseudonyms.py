"""Pseudonyms of a site: keyed with the secret of the installation, so that they cannot be guessed."""

from __future__ import annotations

import base64
import uuid
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from django.utils.crypto import salted_hmac

from ml.images.deidentification import Replacement

CHARACTERS: Final = 16  # of base32: 80 bits
MAX_SHIFT: Final = 3650  # days


def replacement(site: UUID, patient_ref: str, *, shift_dates: bool) -> Replacement:
    """Return what takes the place of a patient's identity in the files of a site."""
    return Replacement(
        patient_id=patient_pseudonym(site, patient_ref),
        uid=partial(mapped_uid, site),
        shift=date_shift(site, patient_ref) if shift_dates else None,
    )


def patient_pseudonym(site: UUID, patient_ref: str) -> str:
    """Return the pseudonym of a patient, the same in every file of a site and another at every other site."""
    return "R" + base64.b32encode(_digest(site, "patient", patient_ref)).decode()[:CHARACTERS]


def mapped_uid(site: UUID, uid: str) -> str:
    """Return the UID that stands for another one in the files of a site."""
    return f"2.25.{uuid.UUID(bytes=_digest(site, 'uid', uid)[:16], version=4).int}"


def date_shift(site: UUID, patient_ref: str) -> timedelta:
    """Return by how many days the dates of a patient are earlier, 1 to 3650."""
    number = int.from_bytes(_digest(site, "dates", patient_ref)[:8], "big")
    return -timedelta(days=1 + number % MAX_SHIFT)


def _digest(site: UUID, kind: str, text: str) -> bytes:
    return salted_hmac(f"diagnostics.integrations.{kind}", f"{site} {text}", algorithm="sha256").digest()
