"""URLs of model versions."""

from django.urls import path

from diagnostics.registry import views

app_name = "registry"

urlpatterns = [
    path("", views.version_list, name="versions"),
    path("roll-back/", views.roll_back, name="roll-back"),
    path("<uuid:pk>/", views.version_detail, name="version"),
    path("<uuid:pk>/trust/", views.trust_report_page, name="trust-report"),
    path("<uuid:pk>/trust/<int:number>-<str:theme>.svg", views.trust_figure, name="trust-figure"),
    path("<uuid:pk>/promote/", views.promote, name="promote"),
]
