"""Links by which people whose accounts others made choose their first password. Those of allauth's password reset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core import mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from .batches import in_batches
from .models import User

AT_ONCE = 100  # links that are made, and mails that go over one connection


@dataclass(frozen=True)
class FirstPassword:
    """Where this person chooses one; valid for three days, and until there is one."""

    user: User
    link: str


def links_for(ids: Iterable[int], *, base_url: str) -> Iterator[FirstPassword]:
    """ids: of users. base_url: where the site is reached, without a trailing slash. Two queries a person."""
    for some in in_batches(ids, AT_ONCE):
        users = User.objects.in_bulk(some)
        for user in (users[id] for id in some if id in users):
            yield FirstPassword(user, base_url + _path(user))


def _path(user: User) -> str:
    key = default_token_generator.make_token(user)
    arguments = {"uidb36": user_pk_to_url_str(user), "key": key}
    return reverse("account_reset_password_from_key", kwargs=arguments)


def mail_links(links: Iterable[FirstPassword]) -> int:
    """To those who have an address, where mail is configured. Returns how many. Raises OSError if it cannot be sent."""
    if not settings.EMAIL_URL:
        return 0
    count = 0
    for some in in_batches((one for one in links if one.user.email), AT_ONCE):
        mail.get_connection().send_messages([_message(one) for one in some])
        count += len(some)
    return count


def _message(first: FirstPassword) -> mail.EmailMessage:
    """In the person's language, else the site's."""
    context = {"username": first.user.username, "link": first.link, "current_site": {"domain": ""}}
    with translation.override(first.user.language or settings.LANGUAGE_CODE):
        subject = render_to_string("accounts/email/first_password_subject.txt", context).strip()
        body = render_to_string("accounts/email/first_password_message.txt", context).strip()
    return mail.EmailMessage(subject, body, to=[first.user.email])
