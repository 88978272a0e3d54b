"""STOW-RS: the instances of one request are received one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from diagnostics.accounts import selectors as accounts
from diagnostics.accounts.models import Site, User
from diagnostics.cases import upload_validation
from diagnostics.integrations.services.receiving import Outcome, Received, receive_instance
from ml.errors import UnreadableImage
from ml.images.decode_in_child import read_header_in_child
from ml.images.dicom_meta import read_instance_meta

SOURCE: Final = "stow"


def store(
    contents: Iterator[bytes], *, study_uid: str = "", by: User, clock: Callable[[], datetime]
) -> list[Received]:
    """Receive DICOM files at the site of the user's uploads; with `study_uid`, of that study only.

    `clock` gives the time of each file. Raises NotAllowed, ServerBusy: what was received before remains so.
    """
    site, received = accounts.home_site(by), list[Received]()
    while True:
        with (
            upload_validation.decoding_slot()
        ):  # from reading a file on, which bounds the memory of all uploads
            content = next(contents, None)
            if content is None:
                return received
            received.append(_received(content, study_uid, site=site, by=by, now=clock()))


def _received(content: bytes, study_uid: str, *, site: Site, by: User, now: datetime) -> Received:
    if study_uid and not _is_of_study(content, study_uid):
        meta = read_instance_meta(content)
        text = _("The file belongs to another study than the address. Nothing was stored.")
        uids = (meta.sop_instance_uid, meta.sop_class_uid)
        return Received(Outcome.REFUSED, "study_mismatch", None, *uids, message=text)
    return receive_instance(content, site=site, by=by, source=SOURCE, now=now)


def _is_of_study(content: bytes, study_uid: str) -> bool:
    """Return whether a file names a study; True for a file that cannot be read, which is refused anyway."""
    try:
        header = read_header_in_child(content)
    except UnreadableImage:
        return True
    return header is None or header.study_uid == study_uid
