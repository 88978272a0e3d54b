"""DICOM nodes of a site: PACS and modalities that send radiographs, answer queries and receive results."""

from __future__ import annotations

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site


class ResultPolicy(models.TextChoices):
    """When the AI result of a case is sent to a node."""

    NEVER = "never", _("never")
    FIRST_READING = "first-reading", _("after the first blind reading")
    FINAL = "final", _("after the final finding only")


class ResultTransport(models.TextChoices):
    """How results are sent."""

    C_STORE = "c-store", _("C-STORE")
    STOW = "stow", _("STOW-RS")


class DicomNode(models.Model):
    """One application entity of a site."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="dicom_nodes")
    name = models.CharField(_("name"), max_length=60)
    ae_title = models.CharField(
        _("AE title"),
        max_length=16,
        validators=[RegexValidator(r"^[!-\[\]-~](?:[ -\[\]-~]*[!-\[\]-~])?\Z")],  # PS3.5: no backslash
    )
    host = models.CharField(_("host name or address"), max_length=200)
    port = models.PositiveIntegerField(
        _("port"), default=104, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    uses_tls = models.BooleanField(_("TLS"), default=False)
    may_send = models.BooleanField(_("may send radiographs from this address"), default=False)
    result_policy = models.CharField(
        _("AI results are sent"), max_length=16, choices=ResultPolicy.choices, default=ResultPolicy.NEVER
    )
    result_transport = models.CharField(
        _("results are sent by"),
        max_length=8,
        choices=ResultTransport.choices,
        default=ResultTransport.C_STORE,
    )
    stow_url = models.CharField(_("STOW-RS address"), max_length=300, blank=True)
    # Cases whose readings are older are not sent: the day the policy was set, not the whole archive.
    results_since = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)  # in a row; back-off of the node
    retry_at = models.DateTimeField(null=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["site", "ae_title"], name="one_node_per_ae_title_and_site"),
            # Two sites must not claim the radiographs of one sender.
            models.UniqueConstraint(
                fields=["ae_title"], condition=Q(may_send=True), name="one_site_per_sending_ae_title"
            ),
        ]

    def __str__(self) -> str:
        return self.name
