"""URLs of imports."""

from django.urls import path

from diagnostics.imports import api, views

app_name = "imports"

urlpatterns = [
    path("", views.import_list, name="imports"),
    path("scan/", views.scan, name="scan"),
    path("<uuid:pk>/", views.import_detail, name="import"),
    path("<uuid:pk>/state/", views.import_state, name="state"),
    path("<uuid:pk>/start/", views.start, name="start"),
    path("<uuid:pk>/stop/", views.stop, name="stop"),
    path("<uuid:pk>/discard/", views.discard, name="discard"),
    path("<uuid:pk>/exclusions.csv", views.exclusions_csv, name="exclusions"),
]

api_urlpatterns = [
    path("imports/", api.Imports.as_view(), name="api-imports"),
    path("imports/collections/", api.Collections.as_view(), name="api-import-collections"),
    path("imports/<uuid:pk>/", api.ImportDetail.as_view(), name="api-import"),
    path("imports/<uuid:pk>/start/", api.ImportStart.as_view(), name="api-import-start"),
    path("imports/<uuid:pk>/stop/", api.ImportStop.as_view(), name="api-import-stop"),
    path("imports/<uuid:pk>/discard/", api.ImportDiscard.as_view(), name="api-import-discard"),
]
