"""
The results of an audit.

The annotations are real at run time, on Python 3.8 too: the models answer as dataclasses.
"""

# ruff: noqa: FA100 - because of that

from typing import List, Optional

import attrs

from bluma_async.types._model import Model, OpenEnum, model

__all__ = ["AuditMismatch", "BatchAudit", "MismatchKind"]


class MismatchKind(OpenEnum):
    """The kind of a difference between the ledger of a journal and the transactions of the account."""

    UNKNOWN_PAYMENT = "unknown_payment"  # the account paid for a video that the ledger does not have
    UNPAID = "unpaid"  # the ledger has a charge for which the account has no deduction
    OTHER_CHARGE = "other_charge"  # both have a charge, and the amounts differ
    UNKNOWN_REFUND = "unknown_refund"  # the account got credits back, and the ledger does not have that
    MISSING_REFUND = "missing_refund"  # the ledger has a refund, and the account did not get it back


@model
class AuditMismatch(Model):
    """
    One difference.

    Attributes:
        kind: What differs.
        video_id: The video; None if the transaction names none.
        key: The key of the job, or of the create without a job, that has the video. For an unknown payment, the one
            that has the video as a candidate or as a stray. None if there is none, or if the create had no key.
        charged: The credits that the ledger has as charged.
        refunded: The credits that the ledger has as refunded.
        account_charged: The credits that the account was charged.
        account_refunded: The credits that the account got back.
    """

    kind: MismatchKind
    video_id: Optional[str] = None
    key: Optional[str] = None
    charged: int = 0
    refunded: int = 0
    account_charged: int = 0
    account_refunded: int = 0


@model
class BatchAudit(Model):
    """
    The result of comparing the ledger of a journal with the transactions of the account.

    Attributes:
        mismatches: The differences; empty if everything matches.
        videos: The number of videos in the ledger.
        transactions: The number of transactions that were read.
        credits_charged: The sum of the charges in the ledger.
        credits_refunded: The sum of the refunds in the ledger.
    """

    mismatches: List[AuditMismatch] = attrs.field(factory=lambda: [])  # noqa: PIE807 - typed, unlike `list`
    videos: int = 0
    transactions: int = 0
    credits_charged: int = 0
    credits_refunded: int = 0

    @property
    def is_matching(self) -> bool:
        """Whether the ledger and the account agree."""
        return not self.mismatches
