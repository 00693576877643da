"""Credits, API keys and usage of the account."""

from datetime import datetime
from typing import ClassVar, Iterator, List, Mapping, Optional

import attrs

from bluma_async.types._model import AttrDict, Model, OpenEnum, hidden, model


class TransactionType(OpenEnum):
    """The kind of a transaction."""

    DEDUCTION = "deduction"
    PURCHASE = "purchase"
    CREDIT = "purchase"  # an alias: two documented names
    REFUND = "refund"


class CreditUsage(AttrDict):
    """The credits that the account has spent. A missing field is None as an attribute."""

    __slots__ = ()
    total_spent: Optional[int]
    average_per_video: Optional[float]
    _optional = frozenset(("total_spent", "average_per_video"))


@model
class CreditBalance(Model):
    """The credits of the account. At `reset_date` the monthly allowance is granted again."""

    credits: int
    tier: str = ""
    monthly_allowance: int = 0
    overage_used: int = 0
    reset_date: Optional[datetime] = None
    usage: Optional[CreditUsage] = None


@model
class Transaction(Model):
    """One change of the balance: `amount` is negative for a deduction, positive for a purchase or a refund."""

    id: str
    type: TransactionType
    amount: int
    balance_after: Optional[int] = None
    description: str = ""
    metadata: Optional[AttrDict] = None
    created_at: Optional[datetime] = None


@model
class CreditHistory(Model):
    """A part of the ledger, newest first, as an iterable; `total` counts all transactions of the account."""

    transactions: List[Transaction] = attrs.field(factory=lambda: [])
    total: int = 0

    def __iter__(self) -> Iterator[Transaction]:
        return iter(self.transactions)

    def __len__(self) -> int:
        return len(self.transactions)


@model
class ApiKey(Model):
    """An API key. Only `create` and `rotate` return the secret `key`: store it."""

    _other_names: ClassVar[Mapping[str, str]] = {"last_used": "last_used_at"}
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
        """The same as `last_used_at`; another documented name."""
        return self.last_used_at


@model
class UsagePeriod(Model):
    """The period of usage statistics."""

    start: Optional[datetime] = None
    end: Optional[datetime] = None


@model
class UsageMetrics(Model):
    """Totals over a period; `average_latency` is in milliseconds."""

    total_requests: int = 0
    successful_requests: int = 0
    failed_requests: int = 0
    average_latency: float = 0.0
    credits_consumed: int = 0
    period: Optional[UsagePeriod] = None


@model
class TimeSeriesPoint(Model):
    """One point of a time series; `latency` in milliseconds, `success_rate` from 0 to 1."""

    timestamp: Optional[datetime] = None
    requests: int = 0
    latency: float = 0.0
    success_rate: float = 0.0


@model
class EndpointUsage(Model):
    """The usage of one endpoint; `average_latency` in milliseconds, `error_rate` from 0 to 1."""

    endpoint: str = ""
    method: str = ""
    requests: int = 0
    average_latency: float = 0.0
    error_rate: float = 0.0


TopEndpoint = EndpointUsage  # the name in 1.2.0


@model
class RecentRequest(Model):
    """One request in the server's log; `latency` in milliseconds."""

    id: str = ""
    method: str = ""
    endpoint: str = ""
    status_code: Optional[int] = None
    latency: float = 0.0
    timestamp: Optional[datetime] = None


@model
class UsageByKey(Model):
    """The usage of one API key."""

    api_key_id: str = ""
    api_key_name: str = ""
    requests: int = 0
    credits_consumed: int = 0


@model
class ErrorBreakdown(Model):
    """The number of error answers with one status; `percentage` from 0 to 100."""

    status_code: int = 0
    count: int = 0
    percentage: float = 0.0
