"""URLs of imports."""

from django.urls import path

from diagnostics.imports import views

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
