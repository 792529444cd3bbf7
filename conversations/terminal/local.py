"""The site of this machine: the same verbs that its pages use, and its engine on a thread of this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.http import Http404
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts import quotas, selectors
from accounts.models import User

from .. import access, catalogue, events, preset_choices, relay, runtime, sending, services
from ..errors import ConversationError, sentence
from ..models import Completion
from ..selectors import transcript
from ..variables import variables_in
from ..views.stream import answer_of
from .client import NO_CONVERSATION, Begun, Opened, Question, Refused, Said, Tell

SHOWN = 2  # messages of a conversation that is opened


class Local:
    """One person, by name: whoever runs commands here may speak for anybody."""

    def __init__(self, username: str) -> None:
        with _refusals():
            user = selectors.user_named(username)
        if user is None:
            raise Refused(_("There is no user %(name)s.") % {"name": username})
        self.user_id = user.pk
        self.language = user.language or translation.get_language() or settings.LANGUAGE_CODE
        translation.activate(self.language)
        self._user()

    def open(self, conversation: UUID) -> Opened:
        with _refusals():
            found = access.get_conversation(self._user(), conversation)
            said = [
                Said(view.role, view.content, view.completion_id, view.is_running)
                for view in transcript(found, window=SHOWN).messages
            ]
        return Opened(found.title, tuple(said))

    def check(self, *, model: str = "") -> None:
        with _refusals():
            user = self._user()
            if model:
                catalogue.choose_model(model, limits=quotas.limits_of(user))

    def models(self) -> list[str]:
        with _refusals():
            return [row.name for row in catalogue.offered(quotas.limits_of(self._user()))]

    def variables(self, preset: str) -> list[str]:
        with _refusals():
            found = preset_choices.choose_preset(self._user(), preset, self.language)
        return variables_in(found.instruction) if found is not None else []

    def send(self, question: Question) -> Begun:
        with _refusals():
            user = self._user()
            conversation = (
                access.get_conversation(user, question.conversation)
                if question.conversation is not None
                else None
            )
            wanted = sending.Sending(
                content=question.content,
                client_id=question.client_id,
                models=(question.model,) if question.model else (),
                preset=question.preset,
                variables=question.variables,
                language=self.language,
            )
            return _begun(
                sending.send_message(user, wanted, conversation=conversation, now=timezone.now())
            )

    def regenerate(self, completion: UUID, *, model: str) -> Begun:
        with _refusals():
            user = self._user()
            found = access.get_completion(user, completion)
            message = access.get_message(user, found.message_id)
            return _begun(sending.regenerate(user, message, model=model, now=timezone.now()))

    def follow(self, completion: UUID, tell: Tell) -> None:
        with _refusals():
            row = access.get_completion(self._user(), completion)
        engine = runtime.engine()
        engine.call(engine.task, _tell(row, self.language, tell))

    def stop(self, completion: UUID) -> None:
        with _refusals():
            services.stop_completion(access.get_completion(self._user(), completion))

    def close(self) -> None:
        runtime.shut_down_thread()

    def _user(self) -> User:
        """As they are now. Raises Refused for an account that has been suspended or deleted meanwhile."""
        user = User.objects.filter(pk=self.user_id, is_active=True).first()
        if user is None:
            raise Refused(_("This account is suspended."))
        return user


@contextmanager
def _refusals() -> Iterator[None]:
    """Around what asks the database: a connection that time has closed is opened anew, and every refusal is ours."""
    close_old_connections()
    try:
        yield
    except (ConversationError, quotas.QuotaExceeded) as refusal:
        raise Refused(refusal.message) from refusal
    except Http404:
        raise Refused(NO_CONVERSATION) from None
    except DatabaseError as problem:
        raise Refused(
            _(
                "The database does not answer as it should: %(why)s. On a new machine, run “make run” once."
            )
            % {"why": str(problem).strip().rstrip(".")}
        ) from problem


def _begun(sent: sending.Sent) -> Begun:
    return Begun(sent.conversation_id, sent.first.completion_id)


async def _tell(row: Completion, language: str, tell: Tell) -> None:
    """On the engine's loop."""

    def describe(ending: relay.Ending) -> events.End:
        with translation.override(language):
            said = sentence(ending.code)
        return events.End(ending.status, str(row.message_id), ending.code, said)

    try:
        with answer_of(row) as answer:
            async with aclosing(relay.read(answer, 0, html=False, describe=describe)) as slices:
                async for part in slices:
                    for event, _position in part:
                        tell(event)
    except Exception as problem:  # whatever it is, who waits for the end has to know
        tell(problem)
