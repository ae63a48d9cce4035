"""The life of a contract: sign-up, change of holder, subrogation and cancellation, each as a case with its documents.

A case is opened with what is asked, collects the documents of its checklist, and, once nothing is missing, is
completed: everything it means for register, readings and ledger happens in that one transaction, or nothing.
"""

from central.lifecycle.cases import amend, case_with, find_case, open_case, reject, state_of, withdraw
from central.lifecycle.checklist import ChecklistItem
from central.lifecycle.complete import complete
from central.lifecycle.details import Bank, Closing, Details, Person, TermsAsked
from central.lifecycle.documents import receive, refuse_document, waive
from central.lifecycle.procedures import Asked, Procedure, State

__all__ = [
    "Asked",
    "Bank",
    "ChecklistItem",
    "Closing",
    "Details",
    "Person",
    "Procedure",
    "State",
    "TermsAsked",
    "amend",
    "case_with",
    "complete",
    "find_case",
    "open_case",
    "receive",
    "refuse_document",
    "reject",
    "state_of",
    "waive",
    "withdraw",
]
