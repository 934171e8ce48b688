from billing.actions.drafts import approve_invoice, discard_invoice, draft_invoice, refresh_invoice, return_to_draft, submit_invoice
from billing.actions.issue import issue_invoice
from billing.actions.seats import end_seat
from billing.actions.terms import close_term, create_term, revise_term
from billing.actions.usage import approve_expense, correct_usage, record_all, record_usage, withdraw_usage

__all__ = [
    "approve_expense",
    "approve_invoice",
    "close_term",
    "correct_usage",
    "create_term",
    "discard_invoice",
    "draft_invoice",
    "end_seat",
    "issue_invoice",
    "record_all",
    "record_usage",
    "refresh_invoice",
    "return_to_draft",
    "revise_term",
    "submit_invoice",
    "withdraw_usage",
]
