"""Roles and their permissions: one table, no database."""

from __future__ import annotations

from collections.abc import Iterable

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
    MANAGE_STAFF = "manage-staff", _("unlock accounts and reset second factors")
    OPERATE = "operate", _("view the status of the installation")
    PRIVACY = "privacy", _("export and erase the data of a patient")
    OVERRIDE_QUALITY_GATE = "override-quality-gate", _("score a radiograph despite the quality gate")
    CORRECT = "correct", _("correct cases, merge patients and resolve identity conflicts")
    OVERRIDE_GATE = "override-gate", _("promote a model version in spite of the promotion gate")
    MANAGE_INTEGRATIONS = "manage-integrations", _("manage connections to other systems")
    MONITOR = "monitor", _("view the monitoring of AI results and acknowledge its alerts")
    FHIR = "fhir", _("read final cases as FHIR resources")
    EXPORT = "export-deidentified", _("export a case as de-identified DICOM")


class Scope(TextChoices):
    """What an API token may be used for; the role of its user limits it further."""

    READ = "read", _("View cases and models")
    UPLOAD = "upload", _("Upload radiographs")
    REVIEW = "review", _("Read and assign")
    TRAIN = "train", _("Import, train and promote")
    ADMIN = "admin", _("Administer")
    FHIR = "fhir", _("Read final cases as FHIR")
    IDENTIFIERS = "identifiers", _("See full patient references in lists")


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
            Permission.EXPORT,
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
            Permission.MANAGE_STAFF,
            Permission.OPERATE,
            Permission.PRIVACY,
            Permission.OVERRIDE_QUALITY_GATE,
            Permission.CORRECT,
            Permission.OVERRIDE_GATE,
            Permission.MANAGE_INTEGRATIONS,
            Permission.MONITOR,
            Permission.FHIR,
            Permission.EXPORT,
        }
    ),
}
SCOPE_PERMISSIONS: dict[str, frozenset[str]] = {
    Scope.READ: frozenset({Permission.SEE_CASES, Permission.SEE_MODELS, Permission.EXPORT}),
    Scope.UPLOAD: frozenset({Permission.UPLOAD, Permission.RETRY}),
    Scope.REVIEW: frozenset({Permission.SEE_CASES, Permission.READ, Permission.ASSIGN}),
    Scope.TRAIN: frozenset({Permission.IMPORT, Permission.TRAIN, Permission.PROMOTE}),
    Scope.ADMIN: frozenset(
        {
            Permission.MANAGE_READERS,
            Permission.AUDIT,
            Permission.MANAGE_STAFF,
            Permission.CORRECT,
            Permission.OVERRIDE_GATE,
            Permission.MANAGE_INTEGRATIONS,
            Permission.MONITOR,
            Permission.OVERRIDE_QUALITY_GATE,
        }
    ),
    Scope.FHIR: frozenset({Permission.FHIR}),
    Scope.IDENTIFIERS: frozenset(),  # adds detail to what another scope permits
}


def role_has_permission(role: str, permission: str) -> bool:
    """Return whether a role includes a permission."""
    return permission in PERMISSIONS.get(role, frozenset())


def scopes_have_permission(scopes: Iterable[str], permission: str) -> bool:
    """Return whether one of the scopes of a token includes a permission."""
    return any(permission in SCOPE_PERMISSIONS.get(scope, frozenset()) for scope in scopes)


def scopes_of_role(role: str) -> list[Scope]:
    """Return the scopes that a token of a role may have."""
    own = PERMISSIONS.get(role, frozenset())
    return [scope for scope in Scope if SCOPE_PERMISSIONS[scope] & own or scope == Scope.IDENTIFIERS]


def default_scopes(role: str) -> list[Scope]:
    """Return the scopes of a token that is created without a choice: all but the patient references."""
    return [scope for scope in scopes_of_role(role) if scope != Scope.IDENTIFIERS]
