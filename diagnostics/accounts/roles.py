"""Roles and their permissions: one table, no database."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    TECHNICIAN = "technician", _("Technician")
    RADIOLOGIST = "radiologist", _("Radiologist")
    ADMINISTRATOR = "administrator", _("Administrator")


class Permission(TextChoices):
    """A permission of a role."""

    UPLOAD = "upload", _("upload radiographs")
    SEE_CASES = "see-cases", _("view the cases of their own sites")
    RETRY = "retry", _("rerun the AI prediction")
    READ = "read", _("read radiographs and sign readings")
    TRAIN = "train", _("train models")
    PROMOTE = "promote", _("promote and roll back model versions")
    SEE_MODELS = "see-models", _("view model versions")
    ASSIGN = "assign", _("set priorities and assign cases to readers")
    MANAGE_READERS = "manage-readers", _("measure reader agreement and set reading policies")
    IMPORT = "import", _("import labelled collections")
    AUDIT = "audit", _("view the audit log")
    PRIVACY = "privacy", _("export and erase the data of a patient")


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
            Permission.ASSIGN,
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
            Permission.ASSIGN,
            Permission.MANAGE_READERS,
            Permission.AUDIT,
            Permission.PRIVACY,
        }
    ),
}


def role_has_permission(role: str, permission: str) -> bool:
    """Return whether a role includes a permission."""
    return permission in PERMISSIONS.get(role, frozenset())
