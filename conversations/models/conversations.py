"""Conversations, the tree of messages in each, and the completions behind their answers.

A user's message never changes; an assistant's only grows, and only while a completion of it runs. Edits and
regenerated answers are siblings: messages form a tree, and a conversation shows the branch that ends in its leaf.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .endpoints import ChatModel
from .presets import RolePreset, Sampling


class Folder(models.Model):
    """One of a person's folders; a conversation is in one or in none."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="folders")
    name = models.CharField(_("name"), max_length=60)

    class Meta:
        verbose_name = _("folder")
        verbose_name_plural = _("folders")
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=["owner", "name"], name="one_folder_per_name"),
        )

    def __str__(self) -> str:
        return str(self.id)


class Tag(models.Model):
    """A word that a person puts on any number of conversations."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tags")
    name = models.CharField(_("name"), max_length=40)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=["owner", "name"], name="one_tag_per_name"),)

    def __str__(self) -> str:
        return str(self.id)


class Conversation(Sampling):
    """A titled, ordered exchange owned by one user."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("owner"),
        related_name="conversations",
    )
    title = models.CharField(_("title"), max_length=200)
    titled_by_person = models.BooleanField(default=False)
    title_due = models.DateTimeField(
        null=True, blank=True, help_text="A model is making a title, until then at the latest."
    )
    preset = models.ForeignKey(
        RolePreset,
        models.SET_NULL,
        verbose_name=_("role preset"),
        null=True,
        blank=True,
        related_name="conversations",
    )
    model = models.ForeignKey(
        ChatModel,
        models.SET_NULL,
        verbose_name=_("model"),
        null=True,
        blank=True,
        related_name="conversations",
    )
    current_leaf = models.ForeignKey(
        "Message", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    preset_variables = models.JSONField(
        default=dict,
        blank=True,
        help_text="What the preset's {{variables}} stand for here, by name.",
    )
    folder = models.ForeignKey(
        Folder, models.SET_NULL, null=True, blank=True, related_name="conversations"
    )
    tags = models.ManyToManyField(Tag, blank=True, related_name="conversations")
    pinned = models.BooleanField(_("pinned"), default=False)
    archived = models.BooleanField(_("archived"), default=False)
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="When its owner deleted it; kept a little while for Undo."
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    active_at = models.DateTimeField(_("last active"), default=timezone.now)

    class Meta(Sampling.Meta):
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering = ("-active_at",)
        indexes = (
            # A condition and not a column: `NOT archived`, as it is asked, is no equality to SQLite.
            models.Index(
                fields=["owner", "-active_at", "id"],
                condition=Q(archived=False, deleted_at=None),
                name="sidebar_order",
            ),
            models.Index(
                fields=["owner", "-active_at", "id"],
                condition=Q(archived=True, deleted_at=None),
                name="archive_order",
            ),
            models.Index(
                fields=["deleted_at"],
                condition=Q(deleted_at__isnull=False),
                name="deleted_conversations",
            ),
            models.Index(
                fields=["owner", "-deleted_at"],
                condition=Q(deleted_at__isnull=False),
                name="deleted_by_owner",
            ),
            models.Index(
                fields=["active_at"],
                condition=Q(pinned=False, deleted_at=None),
                name="longest_unused",
            ),
        )

    def __str__(self) -> str:
        return str(self.id)

    def title_is_due(self, *, now: datetime) -> bool:
        return self.title_due is not None and self.title_due > now


class Message(models.Model):
    """One entry in a conversation. `parent` makes the tree; siblings are edits and regenerated answers.

    Answers that were asked for together share a `comparison` until one of them is kept.
    """

    class Role(models.TextChoices):
        USER = "user", _("user")
        ASSISTANT = "assistant", _("assistant")

    class Status(models.TextChoices):
        COMPLETE = "complete", _("complete")
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")

    class Feedback(models.TextChoices):
        NONE = "", _("none")
        UP = "up", _("good answer")
        DOWN = "down", _("bad answer")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="+",
        help_text="The conversation's owner, here so that a client id is unique per person.",
    )
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
    role = models.CharField(max_length=9, choices=Role)
    content = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    reasoning_seconds = models.FloatField(null=True)
    status = models.CharField(max_length=11, choices=Status, default=Status.COMPLETE)
    error_code = models.CharField(max_length=64, blank=True)
    client_id = models.UUIDField(null=True)
    comparison = models.UUIDField(null=True)
    feedback = models.CharField(max_length=4, choices=Feedback, default=Feedback.NONE, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = (
            models.Index(
                fields=["conversation"], condition=Q(parent=None), name="first_of_a_conversation"
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["owner", "client_id"], name="one_message_per_client_id"
            ),
            models.CheckConstraint(
                condition=Q(role="assistant")
                | Q(status="complete", error_code="", reasoning="", comparison=None, feedback=""),
                name="only_answers_have_a_state",
            ),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.id}"

    @property
    def is_unfinished(self) -> bool:
        """An answer that ended before the model had said everything: it can be continued."""
        if self.status == self.Status.COMPLETE:
            return self.error_code == "length"
        return self.status in {self.Status.STOPPED, self.Status.INTERRUPTED}


class Completion(models.Model):
    """One attempt by one model to answer. `completion.py` alone moves it on, by updates guarded on `running`."""

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        COMPLETE = "complete", _("complete")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(Message, models.CASCADE, related_name="completions")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="completions")
    chat_model = models.ForeignKey(ChatModel, models.SET_NULL, null=True, related_name="+")
    model_name = models.CharField(max_length=200)
    parameters = models.JSONField(default=dict)
    status = models.CharField(max_length=11, choices=Status, default=Status.RUNNING)
    error_code = models.CharField(max_length=64, blank=True)
    stop_requested = models.BooleanField(default=False)
    start_position = models.PositiveIntegerField(
        default=0, help_text="Code points the message had before: more than none for Continue."
    )
    process = models.CharField(max_length=100, blank=True, help_text="Which process runs it.")
    heartbeat_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(default=timezone.now)
    first_delta_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    tokens_cached = models.PositiveIntegerField(default=0)
    prompt = models.JSONField(
        default=dict,
        help_text="What was sent: instruction versions, first and last message, what was left out.",
    )

    class Meta:
        verbose_name = _("completion")
        verbose_name_plural = _("completions")
        indexes = (
            models.Index(
                fields=["heartbeat_at"], condition=Q(status="running"), name="running_by_heartbeat"
            ),
            models.Index(
                fields=["conversation"],
                condition=Q(status="running"),
                name="running_in_conversation",
            ),
            models.Index(fields=["message", "-started_at"], name="attempts_of_a_message"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["message"], condition=Q(status="running"), name="one_running_per_message"
            ),
        )

    def __str__(self) -> str:
        return f"{self.status} {self.id}"

    def instruction_versions(self) -> set[int]:
        """Keys of the texts that were sent for it and are kept apart."""
        single = {self.prompt[name] for name in ("few_shot", "continue") if name in self.prompt}
        return {*self.prompt.get("instructions", []), *single}
