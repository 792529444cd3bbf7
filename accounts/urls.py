"""Addresses of ours (namespace `accounts`) and of allauth, whose names have no namespace."""

from __future__ import annotations

from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.contrib.auth.decorators import login_required
from django.urls import include, path

from . import activity_pages, key_pages, views
from . import single_sign_on as sso
from .second_factors import only_where_possible, own_passkey
from .usage import pages as usage_pages

pages = [
    path("setup/<str:token>/", views.setup_administrator, name="setup"),
    path("usage/", usage_pages.usage, name="usage"),
    path("usage/usage.csv", usage_pages.usage_file, name="usage-file"),
    path("invitation/<str:token>/", views.open_invitation, name="invitation"),
    path("accounts/waiting/", views.waiting, name="waiting"),
    path("settings/", views.settings_index, name="settings"),
    path("settings/profile/", views.profile, name="settings-profile"),
    path("settings/appearance/", views.appearance, name="settings-appearance"),
    path("settings/security/", views.security, name="settings-security"),
    path("settings/sessions/", views.sessions, name="settings-sessions"),
    path("settings/sessions/<int:session_id>/end/", views.end_session, name="session-end"),
    path("settings/activity/", activity_pages.activity, name="settings-activity"),
    path("settings/keys/", key_pages.keys, name="settings-keys"),
    path("settings/keys/<uuid:key_id>/revoke/", key_pages.revoke_key, name="key-revoke"),
    path("accounts/deleted/", views.farewell, name="farewell"),
    path("settings/keys/pass/revoke/", key_pages.revoke_pass, name="pass-revoke"),
]

# allauth's, under its names. What manages them is below the page that lists them; what signs in is at the door.
second_factors = [
    path("settings/security/", views.security, name="mfa_index"),
    path("settings/security/", views.security, name="mfa_list_webauthn"),
    path("settings/security/app/", totp.activate_totp, name="mfa_activate_totp"),
    path("settings/security/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("settings/security/codes/", views.recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "settings/security/codes/new/",
        recovery_codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path(
        "settings/security/codes/download/",
        recovery_codes.download_recovery_codes,
        name="mfa_download_recovery_codes",
    ),
    path(
        "settings/security/passkeys/new/",
        login_required(only_where_possible(views.add_passkey)),
        name="mfa_add_webauthn",
    ),
    path(
        "settings/security/passkeys/<int:pk>/rename/",
        login_required(own_passkey(passkeys.edit_webauthn)),
        name="mfa_edit_webauthn",
    ),
    path(
        "settings/security/passkeys/<int:pk>/remove/",
        login_required(own_passkey(passkeys.remove_webauthn)),
        name="mfa_remove_webauthn",
    ),
    path("accounts/passkey/", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("accounts/code/", views.second_step, name="mfa_authenticate"),
    path("accounts/reauthenticate/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path(
        "accounts/reauthenticate/passkey/",
        passkeys.reauthenticate_webauthn,
        name="mfa_reauthenticate_webauthn",
    ),
]

single_sign_on_pages = [
    path(
        "accounts/sso/", sso.start, kwargs={"provider_id": sso.ISSUER}, name="openid_connect_login"
    ),
    path(
        "accounts/sso/back/",
        sso.finish,
        kwargs={"provider_id": sso.ISSUER},
        name="openid_connect_callback",
    ),
]

urlpatterns = [
    path("", include((pages, "accounts"))),
    path("", include(second_factors)),
    path("", include(single_sign_on_pages)),
    # Before allauth's own, which have the names.
    path("accounts/login/", views.sign_in_page),
    path("accounts/email/", views.email),
    path("accounts/logout/", views.sign_out),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("accounts/", include("allauth.account.urls")),
]
