"""Which role may do what: one table, no database."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    TECHNICIAN = "technician", _("Technician")
    RADIOLOGIST = "radiologist", _("Radiologist")
    ADMINISTRATOR = "administrator", _("Administrator")


class May(TextChoices):
    """One thing that a role may do."""

    UPLOAD = "upload", _("upload films")
    SEE_CASES = "see-cases", _("see the cases of one's sites")
    RETRY = "retry", _("ask for a classification again")
    READ = "read", _("read films and sign findings")
    TRAIN = "train", _("train models")
    PROMOTE = "promote", _("promote model versions")
    SEE_MODELS = "see-models", _("see model versions")
    DISTRIBUTE = "distribute", _("set priorities and hand films to readers")
    OVERSEE = "oversee", _("see how readers agree, and say how a site reads")
    IMPORT = "import", _("bring labelled collections in")
    AUDIT = "audit", _("see the audit record")


PERMISSIONS: dict[str, frozenset[str]] = {
    Role.TECHNICIAN: frozenset({May.UPLOAD, May.SEE_CASES, May.RETRY, May.SEE_MODELS}),
    Role.RADIOLOGIST: frozenset(
        {May.UPLOAD, May.SEE_CASES, May.RETRY, May.READ, May.DISTRIBUTE, May.SEE_MODELS}
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            May.UPLOAD,
            May.SEE_CASES,
            May.RETRY,
            May.IMPORT,
            May.TRAIN,
            May.PROMOTE,
            May.SEE_MODELS,
            May.DISTRIBUTE,
            May.OVERSEE,
            May.AUDIT,
        }
    ),
}


def may(role: str, what: str) -> bool:
    """Say whether a role includes a permission."""
    return what in PERMISSIONS.get(role, frozenset())
