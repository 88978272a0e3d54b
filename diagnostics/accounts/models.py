"""Staff and the sites they work at."""

from __future__ import annotations

import hashlib
import uuid

from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts import roles
from diagnostics.accounts.roles import Permission, Role, Scope

MAX_NAME = 60  # characters of the name of a token or a second factor


class Masking(models.TextChoices):
    """How lists and pages show a patient before the identity is revealed."""

    NONE = "none", _("name, birth date and reference in full")
    PARTIAL = "partial", _("initials, last three characters and a tag")
    FULL = "full", _("a tag only")


class Site(models.Model):
    """A hospital or ward. Only its staff may see its cases."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100, unique=True)
    is_default = models.BooleanField(_("default site of new cases"), default=False)
    stat_minutes = models.PositiveIntegerField(
        _("turnaround target of STAT cases, in minutes"), default=30, db_default=30
    )
    urgent_minutes = models.PositiveIntegerField(
        _("turnaround target of urgent cases, in minutes"), default=60
    )
    routine_minutes = models.PositiveIntegerField(
        _("turnaround target of routine cases, in minutes"), default=240
    )
    technicians_see_predictions = models.BooleanField(_("technicians see AI results"), default=True)
    administrators_see_predictions = models.BooleanField(_("administrators see AI results"), default=True)

    idle_minutes = models.PositiveSmallIntegerField(
        _("minutes without use until a user is logged out"),
        default=30,
        db_default=30,
        validators=[MinValueValidator(5), MaxValueValidator(120)],
    )
    second_factor_roles = models.JSONField(
        _("roles that must use a second factor"), default=list, db_default=[], blank=True
    )
    patient_masking = models.CharField(
        _("patients are shown as"),
        max_length=8,
        choices=Masking.choices,
        default=Masking.PARTIAL,
        db_default=Masking.PARTIAL.value,
    )

    # A site for trying Readroom: nothing that is done there counts as training data.
    is_demonstration = models.BooleanField(
        _("site of the demonstration"), default=False, db_default=False, editable=False
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_site"
            )
        ]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A member of staff."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.TECHNICIAN)
    sites = models.ManyToManyField(Site, related_name="staff", blank=True, verbose_name=_("sites"))
    hotkeys = models.JSONField(_("keyboard shortcuts"), default=dict, blank=True)  # action -> own key

    credential_epoch = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    scopes: frozenset[str] | None = None  # of the API token of this request; None without a token

    def has_permission(self, permission: str) -> bool:
        """Return whether the account is active and role and token scopes include a permission."""
        if not self.is_active or not roles.role_has_permission(self.role, permission):
            return False
        return self.scopes is None or roles.scopes_have_permission(self.scopes, permission)

    @property
    def is_reader(self) -> bool:
        """Return whether the role reads radiographs, whatever the scopes of a token.

        A reader stays blind to AI results also behind a token that may not sign readings.
        """
        return roles.role_has_permission(self.role, Permission.READ)

    def credential_state(self) -> str:
        """Return a digest that changes with password, role, activity and epoch.

        Sessions and API tokens are bound to it, so any such change ends all of them, whoever makes it.
        """
        state = f"{self.password}|{self.role}|{self.is_active}|{self.credential_epoch}"
        return hashlib.sha256(state.encode()).hexdigest()

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        salt = "diagnostics.accounts.session"
        return salted_hmac(salt, self.credential_state(), secret=secret, algorithm="sha256").hexdigest()


class ApiToken(models.Model):
    """A token of a script; only the digest of its key is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("name"), max_length=MAX_NAME)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of 160 random bits
    scopes = models.JSONField(default=list)
    credential_state = models.CharField(max_length=64)  # of the user at the creation
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def scope_labels(self) -> list[str]:
        """Return the scopes as texts."""
        return [str(scope.label) for scope in Scope if scope in self.scopes]


class FailedAttempt(models.Model):
    """A password, code or token that was wrong, or whose check has not ended yet."""

    key = models.CharField(max_length=64)  # keyed hash of what a limit counts; never typed text
    account = models.CharField(max_length=64, blank=True)  # key of the account; empty for an address
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["key", "at"]),
            models.Index(fields=["account"]),
            models.Index(fields=["at"]),
        ]


class Authenticator(models.Model):
    """A second factor: an authenticator app (TOTP) or a passkey (WebAuthn)."""

    class Kind(models.TextChoices):
        TOTP = "totp", _("Authenticator app")
        PASSKEY = "passkey", _("Passkey")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="authenticators")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=MAX_NAME)
    secret = models.TextField()  # the encrypted key of an app, or the public key of a passkey
    last_step = models.BigIntegerField(default=0)  # the time step of the last code: no code is valid twice
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at"]


class RecoveryCode(models.Model):
    """A code that replaces the second factor once; only its digest is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="one_recovery_code")]


class ExternalIdentity(models.Model):
    """The identity of an account at an identity provider; user name and e-mail address may change there."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="external_identities")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)
    linked_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="one_account_per_identity")]
