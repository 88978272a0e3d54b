"""URLs of accounts."""

from __future__ import annotations

from django.urls import path

from diagnostics.accounts import views

app_name = "accounts"

urlpatterns = [
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", views.Logout.as_view(), name="logout"),
    path("password/", views.password, name="password"),
    path("profile/", views.profile, name="profile"),
    path("keys/", views.keys, name="keys"),
    path("token/", views.token, name="token"),
    path("token/revoke/", views.revoke_token, name="token-revoke"),
]
