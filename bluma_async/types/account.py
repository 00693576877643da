"""What the account holds and how it is used: credits, API keys, usage."""

from datetime import datetime
from typing import Iterator, List, Optional

import attrs

from bluma_async.types._model import AttrDict, Model, OpenEnum, hidden, model


class TransactionType(OpenEnum):
    """Why credits moved."""

    DEDUCTION = "deduction"
    PURCHASE = "purchase"
    CREDIT = "purchase"  # another name
    REFUND = "refund"


@model
class CreditBalance(Model):
    """What the account holds. `reset_date` is when the monthly allowance comes again."""

    credits: int
    tier: str = ""
    monthly_allowance: int = 0
    overage_used: int = 0
    reset_date: Optional[datetime] = None
    usage: Optional[AttrDict] = None


@model
class Transaction(Model):
    """One movement of credits: `amount` is negative for a deduction, positive for a purchase or a refund."""

    id: str
    type: TransactionType
    amount: int
    balance_after: Optional[int] = None
    description: str = ""
    metadata: Optional[AttrDict] = None
    created_at: Optional[datetime] = None


@model
class CreditHistory(Model):
    """A stretch of the ledger, newest first; `total` counts all of it. It can be looped over."""

    transactions: List[Transaction] = attrs.field(factory=lambda: [])
    total: int = 0

    def __iter__(self) -> Iterator[Transaction]:
        return iter(self.transactions)

    def __len__(self) -> int:
        return len(self.transactions)


@model
class ApiKey(Model):
    """An API key. `key` is told once, by `create` and `rotate`: keep it."""

    id: str
    name: str = ""
    environment: Optional[str] = None
    prefix: Optional[str] = None
    key: Optional[str] = attrs.field(default=None, repr=hidden)
    scopes: List[str] = attrs.field(factory=lambda: [])
    rate_limit_per_hour: Optional[int] = None
    is_active: bool = True
    last_used_at: Optional[datetime] = None
    created_at: Optional[datetime] = None

    @property
    def last_used(self) -> Optional[datetime]:
        """Another name of `last_used_at`."""
        return self.last_used_at


@model
class UsageMetrics(Model):
    """Totals over a period; `average_latency` is in milliseconds, `period` holds `start` and `end`."""

    total_requests: int = 0
    successful_requests: int = 0
    failed_requests: int = 0
    average_latency: float = 0.0
    credits_consumed: int = 0
    period: Optional[AttrDict] = None


@model
class TimeSeriesPoint(Model):
    """One step of a time series; `latency` in milliseconds, `success_rate` from 0 to 1."""

    timestamp: Optional[datetime] = None
    requests: int = 0
    latency: float = 0.0
    success_rate: float = 0.0


@model
class EndpointUsage(Model):
    """How one endpoint was used; `average_latency` in milliseconds, `error_rate` from 0 to 1."""

    endpoint: str = ""
    method: str = ""
    requests: int = 0
    average_latency: float = 0.0
    error_rate: float = 0.0


@model
class RecentRequest(Model):
    """One request as the server saw it; `latency` in milliseconds."""

    id: str = ""
    method: str = ""
    endpoint: str = ""
    status_code: Optional[int] = None
    latency: float = 0.0
    timestamp: Optional[datetime] = None


@model
class UsageByKey(Model):
    """How one API key was used."""

    api_key_id: str = ""
    api_key_name: str = ""
    requests: int = 0
    credits_consumed: int = 0


@model
class ErrorBreakdown(Model):
    """How often one status was answered; `percentage` from 0 to 100."""

    status_code: int = 0
    count: int = 0
    percentage: float = 0.0
