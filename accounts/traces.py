"""What a deleted account leaves where no foreign key leads: its name in lists of what others did, the address of its
invitation. A number takes the place of names.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Model, Q

from . import audit
from .models import ApiKey, Invitation, User

ONE_REQUEST = timedelta(minutes=1)


def forget(user: User) -> None:
    """In the transaction that deletes the account, before it does."""
    number = f"#{user.pk}"
    audit.forget(user)
    _rename_in_admin_log(User, [user.pk], number)
    _rename_in_admin_log(ApiKey, user.api_keys.values_list("pk", flat=True), number)
    known = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    addresses = {address.lower() for address in (user.email, *known) if address}
    used_up = Invitation.objects.filter(uses=1, used__gte=F("uses"))
    mine = used_up.filter(Q(pk=user.invitation_id) | Q(email__in=addresses))
    for invitation in mine:
        name, made = str(invitation), invitation.created_at
        audit.forget_target(
            name, audit.Action.INVITED, number, since=made, until=made + ONE_REQUEST
        )
    _rename_in_admin_log(Invitation, mine.values_list("pk", flat=True), number)
    mine.update(email="", note="")


def _rename_in_admin_log(model: type[Model], keys: Iterable[object], number: str) -> None:
    """What was changed of it is in the audit log, as far as it matters."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(model), object_id__in=[str(k) for k in keys]
    )
    entries.update(object_repr=number, change_message="")
