"""Describe the differences between a journal and the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from bluma_async.batch.audit_results import MismatchKind

if TYPE_CHECKING:
    from bluma_async.batch.audit_results import AuditMismatch

__all__ = ["format_mismatch"]

TEXTS: Mapping[MismatchKind, str] = {
    MismatchKind.UNKNOWN_PAYMENT: "{account_charged} credits paid, {account_refunded} refunded; not in the journal",
    MismatchKind.UNPAID: "{charged} credits in the journal; the account has no payment",
    MismatchKind.OTHER_CHARGE: "{charged} credits in the journal, {account_charged} paid",
    MismatchKind.UNKNOWN_REFUND: "{refunded} credits refunded in the journal, {account_refunded} in the account",
    MismatchKind.MISSING_REFUND: "{refunded} credits refunded in the journal, {account_refunded} in the account",
}


def format_mismatch(mismatch: AuditMismatch) -> str:
    """Return one line for a difference."""
    kind = str(mismatch.kind).replace("_", " ")
    video = mismatch.video_id or "a transaction without a video"
    if mismatch.key is None:
        job = ""
    elif mismatch.kind == MismatchKind.UNKNOWN_PAYMENT:
        job = f"  may be of the job in doubt {mismatch.key}"
    else:
        job = f"  {mismatch.key}"
    return f"{kind}  {video}{job}  {TEXTS[mismatch.kind].format(**mismatch.to_dict())}"
