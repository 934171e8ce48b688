"""States of work items and the moves between them: data in one readable place. Pure."""

from __future__ import annotations

from dataclasses import dataclass

WORK, ENQUIRY, ERROR = "work", "enquiry", "error"
KINDS = {WORK: "Work", ENQUIRY: "Enquiry", ERROR: "Error"}

RECEIVED, ASSIGNED, IN_REVIEW, QUALITY_CHECK = "received", "assigned", "in_review", "quality_check"
DELIVERED, ACCEPTED, RETURNED, CANCELLED = "delivered", "accepted", "returned", "cancelled"
ACKNOWLEDGED, ANSWERED = "acknowledged", "answered"
NOTIFIED, CORRECTED = "notified", "corrected"

LABELS = {
    RECEIVED: "Received",
    ASSIGNED: "Assigned",
    IN_REVIEW: "In review",
    QUALITY_CHECK: "Quality check",
    DELIVERED: "Delivered",
    ACCEPTED: "Accepted",
    RETURNED: "Returned",
    CANCELLED: "Cancelled",
    ACKNOWLEDGED: "Acknowledged",
    ANSWERED: "Answered",
    NOTIFIED: "Notified",
    CORRECTED: "Corrected",
}

# from → to → the verb on the button
MOVES: dict[str, dict[str, dict[str, str]]] = {
    WORK: {
        RECEIVED: {ASSIGNED: "Assign", IN_REVIEW: "Start review", DELIVERED: "Deliver", CANCELLED: "Cancel"},
        ASSIGNED: {IN_REVIEW: "Start review", RECEIVED: "Unassign", DELIVERED: "Deliver", CANCELLED: "Cancel"},
        IN_REVIEW: {QUALITY_CHECK: "Send to quality check", DELIVERED: "Deliver", ASSIGNED: "Put back", CANCELLED: "Cancel"},
        QUALITY_CHECK: {DELIVERED: "Deliver", IN_REVIEW: "Return to review", CANCELLED: "Cancel"},
        DELIVERED: {ACCEPTED: "Record acceptance", RETURNED: "Record return"},
        RETURNED: {IN_REVIEW: "Start rework", DELIVERED: "Redeliver", CANCELLED: "Cancel"},
        ACCEPTED: {RETURNED: "Reopen"},
        CANCELLED: {RECEIVED: "Reopen"},
    },
    ENQUIRY: {
        RECEIVED: {ACKNOWLEDGED: "Acknowledge", ANSWERED: "Answer", CANCELLED: "Cancel"},
        ACKNOWLEDGED: {ANSWERED: "Answer", CANCELLED: "Cancel"},
        ANSWERED: {ACKNOWLEDGED: "Reopen"},
        CANCELLED: {RECEIVED: "Reopen"},
    },
    ERROR: {
        NOTIFIED: {CORRECTED: "Redeliver corrected", CANCELLED: "Cancel"},
        CORRECTED: {ACCEPTED: "Record acceptance", NOTIFIED: "Correction rejected"},
        ACCEPTED: {NOTIFIED: "Reopen"},
        CANCELLED: {NOTIFIED: "Reopen"},
    },
}

INITIAL = {WORK: RECEIVED, ENQUIRY: RECEIVED, ERROR: NOTIFIED}
# Nothing more is expected of the provider in these.
FINISHED = {WORK: {DELIVERED, ACCEPTED, CANCELLED}, ENQUIRY: {ANSWERED, CANCELLED}, ERROR: {CORRECTED, ACCEPTED, CANCELLED}}
# What finishes one kind is an open state of none.
OPEN = LABELS.keys() - frozenset().union(*FINISHED.values())
DELIVERY = {WORK: DELIVERED, ENQUIRY: ANSWERED, ERROR: CORRECTED}
# Recording what the client decided is not the provider's own move.
CLIENT_DECISIONS = {
    (DELIVERED, ACCEPTED),
    (DELIVERED, RETURNED),
    (CORRECTED, ACCEPTED),
    (CORRECTED, NOTIFIED),
    (ACCEPTED, RETURNED),
    (ACCEPTED, NOTIFIED),
}
# From the gravest down; an error without one is the least.
SEVERITIES = ["critical", "major", "minor", ""]


def graver(first: str, second: str) -> bool:
    """Whether the first severity is graver than the second."""
    return SEVERITIES.index(first) < SEVERITIES.index(second)


class MoveRefused(ValueError):
    """The state table has no such move."""


@dataclass(frozen=True)
class Move:
    to: str
    verb: str


def moves(kind: str, state: str) -> list[Move]:
    return [Move(to, verb) for to, verb in MOVES[kind].get(state, {}).items()]


def check(kind: str, state: str, to: str) -> None:
    """Raise `MoveRefused` unless the table of `kind` leads from `state` to `to`."""
    if to not in MOVES[kind].get(state, {}):
        raise MoveRefused(f"{LABELS[state]} {KINDS[kind].lower()} cannot become {LABELS.get(to, to).lower()}.")


# A timesheet's versions. What was submitted is never written again: a client's return and a correction begin the next version.
SHEET_MOVES: dict[str, frozenset[str]] = {
    "draft": frozenset({"submitted", "withdrawn"}),
    "submitted": frozenset({"approved", "returned", "withdrawn"}),
    "approved": frozenset({"superseded"}),
    "returned": frozenset(),
    "withdrawn": frozenset(),
    "superseded": frozenset(),
}


def check_sheet(state: str, to: str) -> None:
    """Raise `MoveRefused` unless a timesheet may go from `state` to `to`."""
    if to not in SHEET_MOVES[state]:
        raise MoveRefused(f"A {state} timesheet cannot become {to}.")
