"""Addresses of ours (namespace `accounts`) and of allauth, whose names have no namespace."""

from __future__ import annotations

from django.urls import include, path

from . import key_pages, views

pages = [
    path("setup/<str:token>/", views.setup_administrator, name="setup"),
    path("settings/", views.settings_index, name="settings"),
    path("settings/profile/", views.profile, name="settings-profile"),
    path("settings/appearance/", views.appearance, name="settings-appearance"),
    path("settings/security/", views.security, name="settings-security"),
    path("settings/sessions/", views.sessions, name="settings-sessions"),
    path("settings/sessions/<int:session_id>/end/", views.end_session, name="session-end"),
    path("settings/keys/", key_pages.keys, name="settings-keys"),
    path("settings/keys/<uuid:key_id>/revoke/", key_pages.revoke_key, name="key-revoke"),
    path("settings/keys/pass/revoke/", key_pages.revoke_pass, name="pass-revoke"),
]

urlpatterns = [
    path("", include((pages, "accounts"))),
    # Before allauth's own, which have the names.
    path("accounts/email/", views.email),
    path("accounts/logout/", views.sign_out),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("accounts/", include("allauth.account.urls")),
]
