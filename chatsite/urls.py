"""Root routes. Health is answered by a middleware, static files in front of Django."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.urls import include, path

from accounts.views import set_language

from . import views, webapp

admin.site.site_header = admin.site.site_title = "Chatsite"
# Signing in makes sessions; people end theirs, "suspend" ends all. Secrets of second factors are nobody's business; an
# action on people removes them. Of single sign-on, variables name the issuer. A verified address is a way into its
# account: people change theirs, the administration on the page of a person.
for model in (
    EmailAddress,
    UserSession,
    Authenticator,
    SocialAccount,
    SocialApp,
    SocialToken,
):
    admin.site.unregister(model)
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # one login door

handler400 = "chatsite.views.bad_request"
handler403 = "chatsite.views.permission_denied"
handler404 = "chatsite.views.page_not_found"
handler500 = "chatsite.views.server_error"

urlpatterns = [
    path("v1/", include(("conversations.api.gateway.urls", "gateway"))),
    path("", include("conversations.urls")),
    path("", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("robots.txt", views.robots, name="robots"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("manifest.webmanifest", webapp.manifest, name="manifest"),
    path("sw.js", webapp.service_worker, name="service-worker"),
    path("offline/", webapp.offline, name="offline"),
    path(".well-known/change-password", views.change_password, name="change-password"),
]
