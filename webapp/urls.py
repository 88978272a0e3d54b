"""URLs: the pages of each app, the API, the admin site and the health page."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from diagnostics.cases.urls import api_urlpatterns as cases_api
from diagnostics.cases.urls import urlpatterns as cases_pages
from diagnostics.integrations.urls import api_urlpatterns as integrations_api
from diagnostics.registry.urls import api_urlpatterns as registry_api
from diagnostics.review.urls import api_urlpatterns as review_api
from diagnostics.review.urls import case_list_urlpatterns as case_list
from diagnostics.review.urls import case_urlpatterns as report_urls
from diagnostics.training.urls import api_urlpatterns as training_api
from webapp import health, status
from webapp.demo import views as demonstration
from webapp.home import home
from webapp.telemetry.views import metrics

handler400 = "webapp.error_handlers.bad_request"
handler403 = "webapp.error_handlers.permission_denied"
handler404 = "webapp.error_handlers.not_found"
handler500 = "webapp.error_handlers.server_error"

api = [
    *cases_api,
    *review_api,
    *registry_api,
    *training_api,
    *integrations_api,
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("accounts/", include("diagnostics.accounts.urls")),
    path("accounts/staff/", include("diagnostics.administration.urls")),
    path("cases/", include(([*case_list, *cases_pages], "cases"))),
    path("cases/", include(report_urls)),
    path("review/", include("diagnostics.review.urls")),
    path("patients/", include("diagnostics.patients.urls")),
    path("uploads/", include("diagnostics.uploads.urls")),
    path("imports/", include("diagnostics.imports.urls")),
    path("training/", include("diagnostics.training.urls")),
    path("models/", include("diagnostics.registry.urls")),
    path("audit/", include("diagnostics.audit.urls")),
    path("privacy/", include("diagnostics.privacy.urls")),
    path("integrations/", include("diagnostics.integrations.urls")),
    path("api/v1/", include(api)),
    path("admin/", admin.site.urls),
    path("health/", health.health, name="health"),
    path("health/live/", health.live, name="health-live"),
    path("health/ready/", health.ready, name="health-ready"),
    path("status/", status.page, name="status"),
    path("demonstration/", demonstration.about, name="demonstration"),
    path("metrics", metrics, name="metrics"),
]
