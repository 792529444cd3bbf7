"""Links by which people whose accounts others made choose their first password. Those of allauth's password reset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core import mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from .models import User

MAILS_AT_ONCE = 100  # over one connection


@dataclass(frozen=True)
class FirstPassword:
    """Where this person chooses one; valid for three days, and until there is one."""

    user: User
    link: str


def links_for(users: Iterable[User], *, base_url: str) -> list[FirstPassword]:
    """base_url: where the site is reached, without a trailing slash. Two queries a person."""
    return [FirstPassword(user, base_url + _path(user)) for user in users]


def _path(user: User) -> str:
    key = default_token_generator.make_token(user)
    arguments = {"uidb36": user_pk_to_url_str(user), "key": key}
    return reverse("account_reset_password_from_key", kwargs=arguments)


def mail_links(links: Sequence[FirstPassword]) -> int:
    """To those who have an address, where mail is configured. Returns how many. Raises OSError if it cannot be sent."""
    if not settings.EMAIL_URL:
        return 0
    messages = [_message(one) for one in links if one.user.email]
    for start in range(0, len(messages), MAILS_AT_ONCE):
        mail.get_connection().send_messages(messages[start : start + MAILS_AT_ONCE])
    return len(messages)


def _message(first: FirstPassword) -> mail.EmailMessage:
    """In the person's language, else the site's."""
    context = {"username": first.user.username, "link": first.link, "current_site": {"domain": ""}}
    with translation.override(first.user.language or settings.LANGUAGE_CODE):
        subject = render_to_string("accounts/email/first_password_subject.txt", context).strip()
        body = render_to_string("accounts/email/first_password_message.txt", context).strip()
    return mail.EmailMessage(subject, body, to=[first.user.email])
