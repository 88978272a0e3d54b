"""URLs of cases: pages under cases/, the API under api/v1/; the list of cases is in review/urls.py."""

from __future__ import annotations

from django.urls import path

from diagnostics.cases.api import actions
from diagnostics.cases.api import cases as api
from diagnostics.cases.views import cases, corrections, images, quality, upload

app_name = "cases"

urlpatterns = [
    path("upload/", upload.upload, name="upload"),
    path("<uuid:pk>/", cases.case, name="case"),
    path("<uuid:pk>/state/", cases.state, name="state"),
    path("<uuid:pk>/patient/", cases.patient, name="patient"),
    path("<uuid:pk>/retry/", cases.retry, name="retry"),
    path("<uuid:pk>/override/", quality.override, name="override"),
    path("<uuid:pk>/pcr/", cases.pcr, name="pcr"),
    path("<uuid:pk>/correct/", corrections.correct, name="correct"),
    path("<uuid:pk>/radiograph.png", images.display_image, name="radiograph"),
    path("<uuid:pk>/thumbnail.jpg", images.thumbnail, name="thumbnail"),
    path("<uuid:pk>/radiograph.pixels", images.full_depth_pixels, name="pixels"),
    path("<uuid:pk>/heatmap/<slug:finding>.png", images.heatmap_layer, name="heatmap"),
    path("<uuid:pk>/overlay.png", images.overlay, name="overlay"),
]

api_urlpatterns = [
    path("cases/", api.CaseList.as_view(), name="api-case-list"),
    path("cases/priority/", actions.CasesPriority.as_view(), name="api-cases-priority"),
    path("cases/retry/", actions.CasesRetry.as_view(), name="api-cases-retry"),
    path("cases/withdraw/", actions.CasesWithdraw.as_view(), name="api-cases-withdraw"),
    path("cases/<uuid:pk>/", api.CaseDetail.as_view(), name="api-case"),
    path("cases/<uuid:pk>/corrections/", api.CaseCorrections.as_view(), name="api-corrections"),
    path("cases/<uuid:pk>/retry/", actions.CaseRetry.as_view(), name="api-case-retry"),
    path(
        "cases/<uuid:pk>/quality-override/",
        actions.CaseQualityOverride.as_view(),
        name="api-case-quality-override",
    ),
    path("cases/<uuid:pk>/pcr-results/", actions.CasePcr.as_view(), name="api-case-pcr"),
]
