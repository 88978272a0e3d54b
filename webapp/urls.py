"""URLs: the pages of each app, the API, the admin site and the health page."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from diagnostics.accounts.views.account import home
from diagnostics.cases.urls import api_urlpatterns as cases_api
from diagnostics.cases.urls import urlpatterns as cases_pages
from diagnostics.review.urls import api_urlpatterns as review_api
from diagnostics.review.urls import case_list_urlpatterns as case_list
from webapp import health, status
from webapp.telemetry.views import metrics

handler400 = "webapp.error_handlers.bad_request"
handler403 = "webapp.error_handlers.permission_denied"
handler404 = "webapp.error_handlers.not_found"
handler500 = "webapp.error_handlers.server_error"

api = [
    *cases_api,
    *review_api,
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("accounts/", include("diagnostics.accounts.urls")),
    path("cases/", include(([*case_list, *cases_pages], "cases"))),
    path("review/", include("diagnostics.review.urls")),
    path("patients/", include("diagnostics.patients.urls")),
    path("imports/", include("diagnostics.imports.urls")),
    path("training/", include("diagnostics.training.urls")),
    path("models/", include("diagnostics.registry.urls")),
    path("audit/", include("diagnostics.audit.urls")),
    path("api/v1/", include(api)),
    path("admin/", admin.site.urls),
    path("health/", health.health, name="health"),
    path("health/live/", health.live, name="health-live"),
    path("health/ready/", health.ready, name="health-ready"),
    path("status/", status.page, name="status"),
    path("metrics", metrics, name="metrics"),
]
