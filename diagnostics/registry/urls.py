"""URLs of model versions."""

from django.urls import path

from diagnostics.registry import api
from diagnostics.registry.views import promotion, versions

app_name = "registry"

urlpatterns = [
    path("", versions.version_list, name="versions"),
    path("roll-back/", promotion.roll_back, name="roll-back"),
    path("<uuid:pk>/", versions.version_detail, name="version"),
    path("<uuid:pk>/trust/", versions.trust_report_page, name="trust-report"),
    path("<uuid:pk>/trust/<int:number>-<str:theme>.svg", versions.trust_figure, name="trust-figure"),
    path("<uuid:pk>/promote/", promotion.promote, name="promote"),
]

api_urlpatterns = [
    path("versions/", api.VersionList.as_view(), name="api-versions"),
    path("versions/rollback/", api.VersionRollBack.as_view(), name="api-version-rollback"),
    path("versions/<uuid:pk>/", api.VersionDetail.as_view(), name="api-version"),
    path(
        "versions/<uuid:pk>/trust-report/", api.VersionTrustReport.as_view(), name="api-version-trust-report"
    ),
    path("versions/<uuid:pk>/promote/", api.VersionPromote.as_view(), name="api-version-promote"),
]
