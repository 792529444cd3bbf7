"""A site whose clock has gone well for long."""

from __future__ import annotations

from datetime import datetime, timedelta

from conversations import clock
from conversations.models import ClockLook


def trust_the_clock(now: datetime) -> None:
    """It was last looked at at this moment, and has not jumped for a year."""
    looks = {"looked_at": now, "steady_since": now - timedelta(days=365)}
    ClockLook.objects.update_or_create(pk=clock.THE_ROW, defaults=looks)
