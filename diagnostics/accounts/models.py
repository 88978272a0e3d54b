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
    """A hospital or ward. Only its staff may see its cases."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100, unique=True)
    is_default = models.BooleanField(_("default site of new cases"), default=False)
    urgent_minutes = models.PositiveIntegerField(
        _("turnaround target of urgent cases, in minutes"), default=60
    )
    routine_minutes = models.PositiveIntegerField(
        _("turnaround target of routine cases, in minutes"), default=240
    )
    technicians_see_predictions = models.BooleanField(_("technicians see AI results"), default=True)
    administrators_see_predictions = models.BooleanField(_("administrators see AI results"), default=True)

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

    def has_permission(self, permission: str) -> bool:
        """Return whether the account is active and its role includes a permission."""
        return self.is_active and roles.role_has_permission(self.role, permission)
