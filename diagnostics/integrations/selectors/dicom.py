"""Reads of DICOM nodes, their deliveries and the received instances of a user's sites."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Prediction, PredictionOutcome
from diagnostics.cases.selectors.lists import has
from diagnostics.cases.selectors.predictions import IS_DONE
from diagnostics.integrations.models import DicomNode, ReceivedInstance, ResultDelivery, StudyRetrieval
from diagnostics.integrations.models.dicom_nodes import ResultPolicy
from diagnostics.integrations.policy.dicom import SIGNATURE_PAUSE
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.review.models import Reading


def nodes_of(user: User) -> QuerySet[DicomNode]:
    """Return the nodes of the user's sites with the numbers of their open and failed deliveries."""
    nodes = DicomNode.objects.filter(site__in=user.sites.all()).select_related("site")
    return nodes.annotate(
        waiting=Count("deliveries", filter=Q(deliveries__status__in=OPEN_STATUSES)),
        failed=Count("deliveries", filter=Q(deliveries__status=JobStatus.FAILED)),
    ).order_by("name", "pk")


def received_of(user: User) -> QuerySet[ReceivedInstance]:
    """Return what the user's sites received, the newest first."""
    return ReceivedInstance.objects.filter(site__in=user.sites.all()).select_related("site", "case")


def deliveries_of(user: User) -> QuerySet[ResultDelivery]:
    """Return the deliveries of the user's sites, the newest first."""
    return ResultDelivery.objects.filter(node__site__in=user.sites.all()).select_related(
        "node", "case", "prediction__version"
    )


def retrievals_of(user: User) -> QuerySet[StudyRetrieval]:
    """Return the retrievals of the user's sites, the newest first."""
    return StudyRetrieval.objects.filter(node__site__in=user.sites.all()).select_related(
        "node", "requested_by"
    )


def cases_due_for(node: DicomNode, *, now: datetime, within: timedelta | None = None) -> QuerySet[Case]:
    """Return the cases whose result the node should get by its policy and has not been sent yet.

    With `within`, only those that were signed so recently: an index has few of them.

    A signature can be undone for some seconds, so it counts after them. Control copies are never sent: the
    result of their radiograph belongs to another case.
    """
    if node.result_policy == ResultPolicy.NEVER or node.results_since is None or not node.is_active:
        return Case.objects.none()
    signed_before = now - SIGNATURE_PAUSE
    since = node.results_since if within is None else max(node.results_since, now - within)
    cases = Case.objects.filter(site=node.site, copy_of=None, withdrawn_at=None)
    if node.result_policy == ResultPolicy.FINAL:
        cases = cases.filter(finalized_at__gte=since, finalized_at__lt=signed_before)
    else:
        first = Reading.objects.standing().filter(case=OuterRef("pk"))
        earlier = first.filter(signed_at__lt=node.results_since)
        recent = Reading.objects.standing().filter(signed_at__gte=since, signed_at__lt=signed_before)
        cases = cases.filter(pk__in=recent.values("case")).exclude(Exists(earlier))
    done = Prediction.objects.filter(IS_DONE, case=OuterRef("pk")).order_by("-queued_at")
    cases = cases.alias(newest=Subquery(done.values("outcome")[:1]))  # as latest_done_prediction()
    cases = cases.filter(newest__isnull=False).exclude(newest=PredictionOutcome.NOT_SCORED)
    return cases.exclude(has(ResultDelivery.objects.filter(node=node)))
