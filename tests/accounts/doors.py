"""Going in and out as a person does: by the forms and by links in messages."""

from __future__ import annotations

from django.core.mail import EmailMessage
from django.test import Client

from tests.conftest import PASSWORD


def sign_in(client: Client, login: str, password: str = PASSWORD) -> int:
    """The status of the answer: 302 if the door opened."""
    return client.post("/accounts/login/", {"login": login, "password": password}).status_code


def browser(login: str) -> Client:
    """A browser in which this person signed in by the form."""
    client = Client(headers={"user-agent": "Testfox 1.0"})
    assert sign_in(client, login) == 302
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/settings/profile/").status_code == 200


def link_in(message: EmailMessage) -> str:
    """The one address that the message contains."""
    (link,) = [word for word in str(message.body).split() if word.startswith("http")]
    return link
