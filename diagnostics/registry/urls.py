"""URLs of model versions."""

from django.urls import path

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
