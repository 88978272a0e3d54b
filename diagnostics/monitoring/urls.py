"""URLs of monitoring."""

from django.urls import path

from diagnostics.monitoring.api import shadow as shadow_api
from diagnostics.monitoring.views import shadow

app_name = "monitoring"

urlpatterns = [
    path("versions/<uuid:pk>/shadow/", shadow.page, name="shadow"),
    path("versions/<uuid:pk>/shadow/start/", shadow.start, name="shadow-start"),
    path("versions/<uuid:pk>/shadow/end/", shadow.end, name="shadow-end"),
    path("versions/<uuid:pk>/shadow/select/", shadow.select, name="shadow-select"),
]

api_urlpatterns = [
    path("versions/<uuid:pk>/shadow/", shadow_api.Shadow.as_view(), name="api-version-shadow"),
    path("versions/<uuid:pk>/shadow/end/", shadow_api.ShadowEnd.as_view(), name="api-version-shadow-end"),
    path("active-learning/cases/", shadow_api.SelectedCases.as_view(), name="api-selected-cases"),
]
