"""The decision log: a question to counsel, the answer with its source, the protocol version it led to."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from engagements import actions
from engagements.models import Question
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from tests import make

pytestmark = pytest.mark.django_db


def asked(by: Membership, text: str = "Is Delaware law acceptable?") -> Question:
    item = make.item()
    return actions.ask_counsel(matter=item.workstream.matter, item=item, by=Actor.member(by), question=text)


def test_questions_are_numbered_in_their_matter_and_asked_once(in_alder: Scope, rita: Membership) -> None:
    first = asked(rita)
    again = actions.ask_counsel(matter=first.matter, item=first.item, by=Actor.member(rita), question="Is Delaware law acceptable? ")
    second = actions.ask_counsel(matter=first.matter, by=Actor.member(rita), question="And Ohio?")
    assert (again, first.number, second.number) == (first, 1, 2)
    assert first.workstream == first.item.workstream if first.item else False


def test_counsel_answers_by_signing_in(in_alder: Scope, rita: Membership, sam: Membership) -> None:
    answered = actions.answer_question(question=asked(rita), by=Actor.member(sam), answer="Yes.", protocol="Protocol 3")
    assert answered.decision is not None
    assert (answered.answer, answered.decision.source, answered.protocol) == ("Yes.", "attorney", "Protocol 3")


def test_the_provider_records_an_answer_with_counsels_message(in_alder: Scope, rita: Membership, asha: Membership) -> None:
    question = asked(rita)
    with pytest.raises(NotPermitted):
        actions.answer_question(question=question, by=Actor.member(rita), answer="Yes.")
    with pytest.raises(Refused) as refusal:
        actions.answer_question(question=question, by=Actor.member(asha), answer="Yes.")
    assert refusal.value.field == "message" and question.item is not None
    message = make.message(question.item, "Yes, it is.")
    answered = actions.answer_question(question=question, by=Actor.member(asha), answer="Yes.", message=message)
    assert answered.decision is not None and answered.decision.message == message
    named = actions.name_protocol(question=answered, by=Actor.member(asha), protocol="Protocol 4")
    with pytest.raises(Refused):
        actions.name_protocol(question=named, by=Actor.member(asha), protocol="Protocol 5")


def test_an_answer_is_given_once(in_alder: Scope, rita: Membership, sam: Membership) -> None:
    question = asked(rita)
    by = Actor.member(sam)
    actions.answer_question(question=question, by=by, answer="Yes.", protocol="Protocol 3")
    assert actions.answer_question(question=question, by=by, answer="Yes.").answer == "Yes."
    with pytest.raises(Refused, match="answered already"):
        actions.answer_question(question=question, by=by, answer="No.")
    with pytest.raises(DatabaseError, match="is answered"), transaction.atomic():
        Question.objects.update(answer="No.")
