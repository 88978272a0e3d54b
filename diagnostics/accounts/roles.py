"""Which role may do what: one table, no database."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    TECHNICIAN = "technician", _("Technician")
    RADIOLOGIST = "radiologist", _("Radiologist")
    ADMINISTRATOR = "administrator", _("Administrator")


class Permission(TextChoices):
    """One thing that a role may do."""

    UPLOAD = "upload", _("upload radiographs")
    SEE_CASES = "see-cases", _("see the cases of one's sites")
    RETRY = "retry", _("ask for a classification again")
    READ = "read", _("read radiographs and sign findings")
    TRAIN = "train", _("train models")
    PROMOTE = "promote", _("promote model versions")
    SEE_MODELS = "see-models", _("see model versions")
    DISTRIBUTE = "distribute", _("set priorities and hand radiographs to readers")
    OVERSEE = "oversee", _("see how readers agree, and say how a site reads")
    IMPORT = "import", _("bring labelled collections in")
    AUDIT = "audit", _("see the audit record")


PERMISSIONS: dict[str, frozenset[str]] = {
    Role.TECHNICIAN: frozenset(
        {Permission.UPLOAD, Permission.SEE_CASES, Permission.RETRY, Permission.SEE_MODELS}
    ),
    Role.RADIOLOGIST: frozenset(
        {
            Permission.UPLOAD,
            Permission.SEE_CASES,
            Permission.RETRY,
            Permission.READ,
            Permission.DISTRIBUTE,
            Permission.SEE_MODELS,
        }
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            Permission.UPLOAD,
            Permission.SEE_CASES,
            Permission.RETRY,
            Permission.IMPORT,
            Permission.TRAIN,
            Permission.PROMOTE,
            Permission.SEE_MODELS,
            Permission.DISTRIBUTE,
            Permission.OVERSEE,
            Permission.AUDIT,
        }
    ),
}


def role_has_permission(role: str, what: str) -> bool:
    """Say whether a role includes a permission."""
    return what in PERMISSIONS.get(role, frozenset())
