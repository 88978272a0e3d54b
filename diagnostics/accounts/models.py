"""Staff and the sites they work at."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts import roles
from diagnostics.accounts.roles import Role


class Site(models.Model):
    """A hospital or ward: whoever works there sees its patients, nobody else does."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100, unique=True)
    is_default = models.BooleanField(_("new cases go here unless said otherwise"), default=False)
    urgent_minutes = models.PositiveIntegerField(_("minutes until an urgent radiograph is due"), default=60)
    routine_minutes = models.PositiveIntegerField(_("minutes until a routine radiograph is due"), default=240)
    technicians_see_predictions = models.BooleanField(
        _("technicians see the machine's answers"), default=True
    )
    administrators_see_predictions = models.BooleanField(
        _("administrators see the machine's answers"), default=True
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
    """One member of staff."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.TECHNICIAN)
    sites = models.ManyToManyField(Site, related_name="staff", blank=True, verbose_name=_("sites"))
    hotkeys = models.JSONField(_("keys"), default=dict, blank=True)  # act -> key, where a person chose one

    def has_permission(self, what: str) -> bool:
        """Say whether this person's role includes a permission (see roles.May)."""
        return self.is_active and roles.role_has_permission(self.role, what)
