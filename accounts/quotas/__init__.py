"""Reserve, settle, refund, remaining, reset: the only writer of usage. A file per noun.

Every function takes `now` from its caller: one request, one moment.
"""

from .allowances import Allowance, allowances, least
from .counters import Used, hold, ledger_sums, used, used_by_keys
from .daily import let_go
from .limits import NO_LIMITS, Limits, limits_of, limits_of_key
from .periods import Period
from .refusals import QuotaExceeded
from .reservations import (
    Spent,
    hold_calls,
    interrupt,
    note_alive,
    release_abandoned,
    reserve,
    settle,
)
from .resets import Reset, reset

__all__ = [
    "NO_LIMITS",
    "Allowance",
    "Limits",
    "Period",
    "QuotaExceeded",
    "Reset",
    "Spent",
    "Used",
    "allowances",
    "hold",
    "hold_calls",
    "interrupt",
    "least",
    "ledger_sums",
    "let_go",
    "limits_of",
    "limits_of_key",
    "note_alive",
    "release_abandoned",
    "reserve",
    "reset",
    "settle",
    "used",
    "used_by_keys",
]
