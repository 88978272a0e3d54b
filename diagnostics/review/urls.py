"""URLs of the list of cases, the reading page and the reader quality page."""

from __future__ import annotations

from django.urls import path

from diagnostics.review import api
from diagnostics.review.views import (
    claims,
    reader_quality,
    reading,
    reading_policy,
    reference_cases,
    report,
    saved_views,
    worklist,
    worklist_actions,
)

app_name = "review"

urlpatterns = [
    path("", worklist.old_address, name="worklist"),
    path("bulk/", worklist_actions.bulk, name="bulk"),
    path("cases.csv", worklist_actions.export, name="export"),
    path("views/", saved_views.save, name="save-view"),
    path("views/counts/", saved_views.counts, name="view-counts"),
    path("views/<uuid:pk>/delete/", saved_views.delete, name="delete-view"),
    path("next/", claims.claim_next, name="next"),
    path("readers/", reader_quality.reader_quality, name="readers"),
    path("readers/policy/", reading_policy.reading_policy, name="policy"),
    path("readers/first-readings.csv", reader_quality.export, name="readers-export"),
    path("readers/reference-cases/", reference_cases.reference_case_list, name="reference-cases"),
    path("readers/reference-cases/<uuid:pk>/", reference_cases.reference_case, name="reference-case"),
    path("readers/reference-cases/<uuid:pk>/retire/", reference_cases.retire, name="retire-reference-case"),
    path("<uuid:pk>/", reading.case, name="case"),
    path("<uuid:pk>/prefetch/", claims.prefetch, name="prefetch"),
    path("<uuid:pk>/claim/", claims.claim, name="claim"),
    path("<uuid:pk>/renew/", claims.renew, name="renew"),
    path("<uuid:pk>/release/", claims.release, name="release"),
    path("<uuid:pk>/sign/", reading.sign, name="sign"),
    path("<uuid:pk>/undo-signature/", reading.undo_signature, name="undo-signature"),
    path("<uuid:pk>/amend/", reading.amend, name="amend"),
    path("<uuid:pk>/confirm/", reading.confirm, name="confirm"),
    path("<uuid:pk>/second-opinion/", reading.second_opinion, name="second-opinion"),
]

case_list_urlpatterns = [  # pages of the namespace `cases`; a list shows readings, which are above cases
    path("", worklist.cases, name="list"),
    path("rows/", worklist.rows, name="rows"),
]

case_urlpatterns = (
    [
        path("<uuid:pk>/report/", report.page, name="page"),
        path("<uuid:pk>/report.pdf", report.pdf, name="pdf"),
    ],
    "reports",
)

api_urlpatterns = [
    path("cases/<uuid:pk>/report.pdf", api.Report.as_view(), name="api-report"),
    path("cases/<uuid:pk>/readings/", api.Readings.as_view(), name="api-readings"),
]
