"""What has been spoken of answers: kept for a while, so that listening again costs nothing."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .conversations import Message


class SpokenPart(models.Model):
    """One sentence of an answer in one voice. While it is being spoken it has no content type and no sound.

    digest: of the sentence, which an answer that is continued may change. is_request: the call that counted as the
    answer's one request.
    """

    message = models.ForeignKey(Message, models.CASCADE, related_name="spoken_parts")
    index = models.PositiveIntegerField()
    digest = models.CharField(max_length=32)
    voice = models.CharField(max_length=40, blank=True)
    model_name = models.CharField(max_length=200)
    is_request = models.BooleanField()
    content_type = models.CharField(max_length=20, blank=True)
    sound = models.BinaryField(default=b"")
    begun_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("spoken part")
        verbose_name_plural = _("spoken parts")
        constraints = (
            models.UniqueConstraint(
                fields=["message", "index", "digest", "voice", "model_name"],
                name="spoken_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.message_id} {self.index}"
