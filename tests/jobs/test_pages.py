from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.audit.models import Event
from lpo.jobs.models import Job, JobState
from lpo.jobs.queue import enqueue
from lpo.tenancy.context import in_organization

SignIn = Callable[[Membership], Browser]


def asked(by: Membership, kind: str = "test.once", title: str = "Load items.csv", **payload: object) -> Job:
    with in_organization(by.organization_id):
        return enqueue(kind, payload, by=Actor.member(by), title=title)


def test_the_list_shows_progress_from_the_row(asha: Membership, client_of: SignIn, reload: Callable[[Job], Job]) -> None:
    job = asked(asha)
    with in_organization(asha.organization_id):
        Job.objects.filter(id=job.id).update(progress_done=1200, progress_total=5000, message="row 1,200")
    for _ in range(2):
        page = client_of(asha).get("/alder/jobs/").content.decode()
        assert "Load items.csv" in page
        assert "Asha Rao" in page
        assert "1,200 of 5,000" in page
        assert f'hx-get="/alder/jobs/{job.id}/progress/"' in page


def test_progress_is_asked_for_until_the_job_has_ended(asha: Membership, client_of: SignIn, run_jobs: Callable[[], int]) -> None:
    job = asked(asha, "test.steps", count=3)
    browser = client_of(asha)
    address = f"/alder/jobs/{job.id}/progress/"
    waiting = browser.get(address, headers={"HX-Request": "true"})
    assert "hx-trigger" in waiting.content.decode()
    assert "<html" not in waiting.content.decode()
    assert run_jobs() == 1
    ended = browser.get(address, headers={"HX-Request": "true"})
    assert "hx-trigger" not in ended.content.decode()
    assert "3 of 3" in ended.content.decode()
    assert "HX-Refresh" not in ended.headers
    assert browser.get(f"{address}?reload", headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_a_failed_job_shows_its_error_and_who_may_retry_it_can(
    asha: Membership, adam: Membership, client_of: SignIn, run_jobs: Callable[[], int], reload: Callable[[Job], Job]
) -> None:
    job = asked(asha, "test.refused")
    run_jobs()
    page = client_of(asha).get("/alder/jobs/?show=failed").content.decode()
    assert "Row 3: the date lies in the future." in page
    assert "Retry" not in page
    assert client_of(asha).post(f"/alder/jobs/{job.id}/retry/").status_code == 403

    assert "Retry" in client_of(adam).get(f"/alder/jobs/{job.id}/").content.decode()
    answer = client_of(adam).post(f"/alder/jobs/{job.id}/retry/", follow=True)
    assert "The job is queued again." in answer.content.decode()
    retried = reload(job)
    assert (retried.state, retried.attempts, retried.error) == (JobState.QUEUED, 0, "")
    with in_organization(asha.organization_id):
        event = Event.objects.get(action="job.retry")
    assert (event.actor_label, event.object_id) == ("Adam Lis", job.id)
    assert event.before == {"state": "dead", "error": "Row 3: the date lies in the future."}

    again = client_of(adam).post(f"/alder/jobs/{job.id}/retry/", follow=True).content.decode()
    assert "Only a failed or cancelled job can be retried; this one is queued." in again


def test_the_whole_traceback_is_for_those_who_may_retry(
    asha: Membership, adam: Membership, client_of: SignIn, run_jobs: Callable[[], int]
) -> None:
    job = asked(asha, "test.poison")
    run_jobs()
    own, administrators = (client_of(who).get(f"/alder/jobs/{job.id}/").content.decode() for who in (asha, adam))
    assert "ZeroDivisionError: the rate is zero" in own
    assert "Traceback" not in own
    assert "Traceback" in administrators


def test_a_retry_of_work_that_was_asked_for_again_is_refused(adam: Membership, client_of: SignIn, run_jobs: Callable[[], int]) -> None:
    with in_organization(adam.organization_id):
        job = enqueue("test.refused", by=Actor.member(adam), key="november")
        run_jobs()
        enqueue("test.refused", by=Actor.member(adam), key="november")
    answer = client_of(adam).post(f"/alder/jobs/{job.id}/retry/", follow=True)
    assert "already waiting or running" in answer.content.decode()


def test_people_cancel_their_own_jobs_and_administrators_any(
    asha: Membership, cora: Membership, adam: Membership, client_of: SignIn, reload: Callable[[Job], Job]
) -> None:
    own, other = asked(asha), asked(asha)
    assert client_of(cora).post(f"/alder/jobs/{own.id}/cancel/").status_code == 403
    assert reload(own).state == JobState.QUEUED
    assert "The job is cancelled." in client_of(asha).post(f"/alder/jobs/{own.id}/cancel/", follow=True).content.decode()
    client_of(adam).post(f"/alder/jobs/{other.id}/cancel/")
    assert [reload(job).state for job in (own, other)] == [JobState.CANCELLED] * 2
    assert "already ended" in client_of(asha).post(f"/alder/jobs/{own.id}/cancel/", follow=True).content.decode()


def test_another_organizations_jobs_are_not_there(asha: Membership, ben: Membership, client_of: SignIn) -> None:
    job = asked(ben, title="Birch's secret")
    browser = client_of(asha)
    assert "secret" not in browser.get("/alder/jobs/").content.decode()
    for address in (f"/alder/jobs/{job.id}/", f"/alder/jobs/{job.id}/progress/"):
        assert browser.get(address).status_code == 404
    assert browser.post(f"/alder/jobs/{job.id}/cancel/").status_code == 404
    assert browser.get("/birch/jobs/").status_code == 404


def test_the_client_is_not_told_that_there_are_jobs(carla: Membership, rita: Membership, client_of: SignIn) -> None:
    assert client_of(carla).get("/alder/jobs/").status_code == 404
    assert client_of(rita).get("/alder/jobs/").status_code == 403


def test_pages_turn_by_the_last_row_seen(asha: Membership, client_of: SignIn) -> None:
    jobs = [asked(asha, title=f"Job {number:03}") for number in range(60)]
    browser = client_of(asha)
    first = browser.get("/alder/jobs/").content.decode()
    assert "Job 059" in first
    assert "Job 009" not in first
    second = browser.get(f"/alder/jobs/?older={jobs[10].id}").content.decode()
    assert "Job 009" in second
    assert "Job 010" not in second
    back = browser.get(f"/alder/jobs/?newer={jobs[9].id}").content.decode()
    assert "Job 059" in back
    assert "Job 010" in back
    assert browser.get("/alder/jobs/?older=nonsense").status_code == 200


def test_the_list_costs_the_same_for_any_number_of_jobs(asha: Membership, client_of: SignIn) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            browser.get("/alder/jobs/")
        return len(captured)

    browser = client_of(asha)
    asked(asha)
    statements()
    few = statements()
    for _ in range(49):
        asked(asha)
    assert statements() == few


@pytest.mark.parametrize("show", ["", "failed", "scheduled", "nonsense"])
def test_empty_lists_say_why(asha: Membership, client_of: SignIn, show: str) -> None:
    answer = client_of(asha).get(f"/alder/jobs/?show={show}")
    assert answer.status_code == 200
    assert 'class="empty"' in answer.content.decode()
