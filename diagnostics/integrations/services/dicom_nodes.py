"""Changes of DICOM nodes, and the test of their connection."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import NotAllowed
from diagnostics.integrations.errors.dicom import InvalidNode
from diagnostics.integrations.models import DicomNode
from diagnostics.integrations.models.dicom_nodes import ResultPolicy, ResultTransport

AUDITED = (
    *("name", "ae_title", "host", "port", "uses_tls", "may_send"),
    *("result_policy", "result_transport", "is_active"),
)


@transaction.atomic
def save_node(
    *, node: DicomNode | None, site: Site, values: Mapping[str, Any], by: User, now: datetime
) -> DicomNode:
    """Create or change a node of one of the user's sites; raises NotAllowed, InvalidNode.

    A policy sends results from the moment on at which it is set, not those of earlier readings.
    """
    _require_manager(by, site)
    saved = node or DicomNode(site=site)
    if saved.site_id != site.pk:
        raise InvalidNode(_("A node stays at its site. Add a node to the other site."))
    was_sending = saved.result_policy != ResultPolicy.NEVER and saved.is_active and node is not None
    for name, value in values.items():
        setattr(saved, name, value)
    _require_stow_url(saved)
    if saved.result_policy != ResultPolicy.NEVER and not was_sending:
        saved.results_since = now
    saved.failures, saved.retry_at = 0, None
    try:
        with transaction.atomic():
            saved.save()
    except IntegrityError as error:
        raise InvalidNode(
            _("Another node has this AE title. Choose another one, or change that node.")
        ) from error
    detail = {name: str(getattr(saved, name)) for name in AUDITED}
    audit.record(action=Action.DICOM_NODE_CHANGED, by=by, target=saved, detail=detail, now=now)
    return saved


def verify_connection(*, node: DicomNode, by: User) -> None:
    """Send a C-ECHO to a node; raises NotAllowed, NodePassingError."""
    from diagnostics.integrations.dicom_network import client  # takes half a second

    _require_manager(by, node.site)
    client.echo(node, settings.DICOM)


def _require_manager(by: User, site: Site) -> None:
    require(by, Permission.MANAGE_INTEGRATIONS)
    if not by.sites.filter(pk=site.pk).exists():
        raise NotAllowed(_("You do not work at this site."))


def _require_stow_url(node: DicomNode) -> None:
    if node.result_transport != ResultTransport.STOW:
        return
    address = urlsplit(node.stow_url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise InvalidNode(_("STOW-RS needs an address that begins with https:// or http://."))
