"""People, and what they may spend. Knows nothing of conversations: what it names of them are plain names and UUIDs."""

from .audit import AuditEntry
from .daily import DailyUsage
from .invitations import Invitation, InvitationState
from .keys import ApiKey, Pass, Scope, State
from .people import SetupLink, User, check_fits, fold
from .usage import SPENDING_LIMITS, Plan, Reservation, UsagePeriod, UsageRecord

__all__ = [
    "SPENDING_LIMITS",
    "ApiKey",
    "AuditEntry",
    "DailyUsage",
    "Invitation",
    "InvitationState",
    "Pass",
    "Plan",
    "Reservation",
    "Scope",
    "SetupLink",
    "State",
    "UsagePeriod",
    "UsageRecord",
    "User",
    "check_fits",
    "fold",
]
