"""Reserve, settle, refund, remaining, reset: the only writer of usage. A file per noun.

Every function takes `now` from its caller: one request, one moment.
"""

from .counters import Remaining, Used, hold, ledger_sums, remaining, used, used_by_keys
from .daily import let_go
from .limits import NO_LIMITS, Limits, limits_of, limits_of_key
from .periods import Period
from .refusals import QuotaExceeded
from .reservations import Spent, note_alive, release_abandoned, reserve, settle
from .resets import Reset, reset

__all__ = [
    "NO_LIMITS",
    "Limits",
    "Period",
    "QuotaExceeded",
    "Remaining",
    "Reset",
    "Spent",
    "Used",
    "hold",
    "ledger_sums",
    "let_go",
    "limits_of",
    "limits_of_key",
    "note_alive",
    "release_abandoned",
    "remaining",
    "reserve",
    "reset",
    "settle",
    "used",
    "used_by_keys",
]
