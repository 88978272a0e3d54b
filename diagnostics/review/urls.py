"""URLs of the list of cases, the reading page and the reader quality page."""

from __future__ import annotations

from django.urls import path

from diagnostics.review.api import quality as quality_api
from diagnostics.review.api import readings as api
from diagnostics.review.api import worklist as worklist_api
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
    path("cases/<uuid:pk>/readings/<uuid:reading>/amend/", api.Amendment.as_view(), name="api-reading-amend"),
    path("cases/<uuid:pk>/undo-signature/", api.UndoSignature.as_view(), name="api-undo-signature"),
    path("cases/<uuid:pk>/confirm/", api.Confirmation.as_view(), name="api-confirm"),
    path("cases/<uuid:pk>/second-opinion/", api.SecondOpinion.as_view(), name="api-second-opinion"),
    path("cases/<uuid:pk>/claim/", worklist_api.CaseClaim.as_view(), name="api-claim"),
    path("cases/<uuid:pk>/release/", worklist_api.CaseRelease.as_view(), name="api-release"),
    path(
        "cases/<uuid:pk>/reference-standard/",
        quality_api.CaseReferenceStandard.as_view(),
        name="api-reference-standard",
    ),
    path(
        "cases/<uuid:pk>/reference-standard/retire/",
        quality_api.CaseRetireReference.as_view(),
        name="api-retire-reference",
    ),
    path("worklist/", worklist_api.Worklist.as_view(), name="api-worklist"),
    path("worklist/next/", worklist_api.NextCase.as_view(), name="api-worklist-next"),
    path("worklist/assign/", worklist_api.Assign.as_view(), name="api-worklist-assign"),
    path("worklist/end-claims/", worklist_api.EndClaims.as_view(), name="api-worklist-end-claims"),
    path("saved-views/", worklist_api.SavedViews.as_view(), name="api-saved-views"),
    path("saved-views/<uuid:pk>/delete/", worklist_api.SavedViewDelete.as_view(), name="api-saved-view"),
    path("reference-cases/", quality_api.ReferenceCases.as_view(), name="api-reference-cases"),
    path("reader-quality/", quality_api.ReaderQuality.as_view(), name="api-reader-quality"),
    path(
        "sites/<uuid:pk>/reading-policy/", quality_api.SiteReadingPolicy.as_view(), name="api-reading-policy"
    ),
]
