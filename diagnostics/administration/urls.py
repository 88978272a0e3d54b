"""URLs of the page of one account, below the list of staff."""

from __future__ import annotations

from django.urls import path

from diagnostics.administration.views import accounts

app_name = "administration"

urlpatterns = [
    path("<uuid:pk>/", accounts.account, name="account"),
    path("<uuid:pk>/activity/<slug:action>/", accounts.activity, name="account-activity"),
]
