"""URLs of accounts."""

from __future__ import annotations

from django.urls import path

from diagnostics.accounts.views import account, password_link, second_factor, sessions, sign_on, staff, tokens

app_name = "accounts"

urlpatterns = [
    path("login/", sessions.Login.as_view(), name="login"),
    path("login/second-factor/", second_factor.check, name="second-factor"),
    path("sign-on/", sign_on.begin, name="sign-on"),
    path("sign-on/callback/", sign_on.callback, name="sign-on-callback"),
    path("signed-out/", sign_on.signed_out, name="signed-out"),
    path("logout/", sessions.Logout.as_view(), name="logout"),
    path("password/", account.password, name="password"),
    path("password/<str:uidb64>/<str:token>/", password_link.PasswordLink.as_view(), name="reset"),
    path("confirm/", second_factor.confirm, name="confirm"),
    path("profile/", account.profile, name="profile"),
    path("keys/", account.keys, name="keys"),
    path("token/", tokens.create, name="token"),
    path("token/revoke/", tokens.revoke_all, name="token-revoke"),
    path("token/<uuid:pk>/revoke/", tokens.revoke, name="token-revoke-one"),
    path("factors/", second_factor.factors, name="factors"),
    path("factors/app/", second_factor.add_totp, name="factor-app"),
    path("factors/passkey/", second_factor.add_passkey, name="factor-passkey"),
    path("factors/codes/", second_factor.recovery_codes, name="factor-codes"),
    path("factors/<uuid:pk>/remove/", second_factor.remove, name="factor-remove"),
    path("sessions/end/", account.end_other_sessions, name="sessions-end"),
    path("staff/", staff.staff, name="staff"),
    path("staff/new/", staff.new_account, name="staff-new"),
    path("staff/<uuid:pk>/password-link/", staff.password_link, name="staff-password-link"),
    path("staff/<uuid:pk>/<slug:action>/", staff.change, name="staff-change"),
    path("sites/<uuid:pk>/policy/", staff.policy, name="site-policy"),
]
