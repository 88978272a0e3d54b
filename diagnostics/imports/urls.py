"""Addresses of imports."""

from django.urls import path

from diagnostics.imports import views

app_name = "imports"

urlpatterns = [
    path("", views.imports, name="imports"),
    path("look/", views.look, name="look"),
    path("<uuid:pk>/", views.one, name="import"),
    path("<uuid:pk>/state/", views.state, name="state"),
    path("<uuid:pk>/begin/", views.begin, name="begin"),
    path("<uuid:pk>/stop/", views.stop, name="stop"),
    path("<uuid:pk>/discard/", views.discard, name="discard"),
    path("<uuid:pk>/left-out.csv", views.left_out_table, name="left-out"),
]
