"""URLs of staged uploads, under uploads/."""

from __future__ import annotations

from django.urls import path

from diagnostics.uploads import views

app_name = "uploads"

urlpatterns = [
    path("", views.uploads, name="list"),
    path("progress/", views.progress, name="progress"),
    path("clear/", views.clear, name="clear"),
    path("<uuid:pk>/check/", views.check, name="check"),
    path("<uuid:pk>/edit/", views.edit, name="edit"),
    path("<uuid:pk>/send/", views.send, name="send"),
    path("<uuid:pk>/remove/", views.remove, name="remove"),
    path("<uuid:pk>/thumbnail.png", views.thumbnail, name="thumbnail"),
]
