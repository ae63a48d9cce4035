"""What may be read of bills and runs: typed values for the portal and the API, never a row of the database.

Every query is by ``utility_id``; those that serve a subscriber are by ``customer_id`` too and find nothing of others.
"""

from central.invoicing.queries.bills import (
    Bill,
    BillSummary,
    Document,
    UsedPeriod,
    bill,
    bills_of_customer,
    document,
    history,
)
from central.invoicing.queries.runs import (
    DraftPage,
    DraftRow,
    DraftView,
    Filters,
    PageKeyError,
    ReviewItem,
    RunSummary,
    Sort,
    draft,
    drafts,
    exception_counts,
    run_summary,
    runs,
)
from central.invoicing.queries.stories import BillLine, BillReading, Tariff, TelegramStory

__all__ = [
    "Bill",
    "BillLine",
    "BillReading",
    "BillSummary",
    "Document",
    "DraftPage",
    "DraftRow",
    "DraftView",
    "Filters",
    "PageKeyError",
    "ReviewItem",
    "RunSummary",
    "Sort",
    "Tariff",
    "TelegramStory",
    "UsedPeriod",
    "bill",
    "bills_of_customer",
    "document",
    "draft",
    "drafts",
    "exception_counts",
    "history",
    "run_summary",
    "runs",
]
