"""People, and what they may spend. Knows nothing of conversations: what it names of them are plain names and UUIDs."""

from .people import SetupLink, User, check_fits, fold
from .usage import Plan, Reservation, UsagePeriod, UsageRecord

__all__ = [
    "Plan",
    "Reservation",
    "SetupLink",
    "UsagePeriod",
    "UsageRecord",
    "User",
    "check_fits",
    "fold",
]
