"""URLs of the pages of administrators."""

from __future__ import annotations

from django.urls import path

from diagnostics.administration.views import accounts

app_name = "administration"

urlpatterns = [
    path("staff/<uuid:pk>/", accounts.account, name="account"),
    path("staff/<uuid:pk>/<slug:action>/", accounts.activity, name="account-activity"),
]
