"""The worker process as its client sees it: warm, cancelled, killed, replaced."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from engine.protocol.events import Event, Failed, Finished, Gauge, Log, Started
from engine.protocol.job import InspectJob
from engine.worker.client import WorkerClient
from tests.helpers.worker import COMMAND


@pytest.fixture
def client() -> Iterator[WorkerClient]:
    client = WorkerClient(COMMAND, grace=5)
    yield client
    client.close()


def ask(client: WorkerClient, wish: str) -> list[Event]:
    return list(client.run(InspectJob(checkpoint=wish)))


def failure(events: list[Event]) -> Failed:
    last = events[-1]
    assert isinstance(last, Failed)
    return last


def test_jobs_share_one_warm_process_and_prints_do_not_disturb(client: WorkerClient) -> None:
    first, second = ask(client, "print"), ask(client, "print")
    assert [type(event) for event in first] == [Started, Finished]
    assert isinstance(first[-1], Finished)
    assert isinstance(second[-1], Finished)
    assert first[-1].result["pid"] == second[-1].result["pid"] == client.pid


@pytest.mark.parametrize(
    ("wish", "kind", "code"),
    [("user", "user", "not_found"), ("bug", "bug", "bug"), ("memory", "user", "not_enough_memory")],
)
def test_a_job_that_raises_fails_and_the_worker_lives(client: WorkerClient, wish: str, kind: str, code: str) -> None:
    failed = failure(ask(client, wish)).failure
    assert (failed.kind, failed.code) == (kind, code)
    assert (failed.traceback is not None) == (kind == "bug")
    assert isinstance(ask(client, "print")[-1], Finished)


def test_numbers_that_json_lacks_survive(client: WorkerClient) -> None:
    last = ask(client, "nan")[-1]
    assert isinstance(last, Finished)
    assert last.result == {"value": "NaN", "nested": ["Infinity"]}


def test_the_load_is_told_while_a_job_runs(client: WorkerClient) -> None:
    gauges = [event for event in ask(client, "gauge") if isinstance(event, Gauge)]
    assert gauges
    assert gauges[0].rss_bytes > 0
    assert gauges[0].available_bytes > 0


def test_cancel_ends_a_job_that_polls_and_keeps_the_worker(client: WorkerClient) -> None:
    client.start()
    pid = client.pid
    job = InspectJob(checkpoint="wait")
    events = []
    for event in client.run(job):
        events.append(event)
        if isinstance(event, Log):
            client.cancel(job.id)
    assert failure(events).failure.kind == "cancelled"
    assert client.pid == pid


def test_cancel_ends_a_job_that_does_not_listen_after_the_grace_period() -> None:
    client = WorkerClient(COMMAND, grace=0.2)
    job = InspectJob(checkpoint="deaf")
    events = []
    for event in client.run(job):
        events.append(event)
        if isinstance(event, Log):
            client.cancel(job.id)
    assert failure(events).failure.kind == "cancelled"
    assert client.pid is None
    client.close()


def test_leaving_the_events_early_cancels_the_job(client: WorkerClient) -> None:
    for event in client.run(InspectJob(checkpoint="wait")):
        if isinstance(event, Log):
            break
    assert isinstance(ask(client, "print")[-1], Finished)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    ("wish", "kind", "says"),
    [
        ("die:SIGKILL", "user", "out of memory"),
        ("die:SIGSEGV", "bug", "SIGSEGV"),
        ("die:SIGTERM", "user", "SIGTERM"),
        ("leave:3", "bug", "code 3"),
    ],
)
def test_a_crash_becomes_a_failure_and_the_worker_is_replaced(
    client: WorkerClient, wish: str, kind: str, says: str
) -> None:
    failed = failure(ask(client, wish)).failure
    assert (failed.kind, failed.code) == (kind, "worker_died")
    assert says in failed.cause
    assert "finished stages are kept" in failed.remedy
    if wish.startswith("die"):
        assert "last words" in (failed.traceback or "")
    assert isinstance(ask(client, "print")[-1], Finished)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_worker_killed_while_idle_is_replaced(client: WorkerClient) -> None:
    client.start()
    pid = client.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert isinstance(ask(client, "print")[-1], Finished)
    assert client.pid != pid


def test_a_worker_that_cannot_start_is_a_failure() -> None:
    client = WorkerClient(["/nonexistent/python"])
    assert failure(ask(client, "print")).failure.code == "worker_died"
    client.close()


def test_a_program_that_is_no_worker_is_a_failure() -> None:
    client = WorkerClient(["/bin/echo", "hello"])
    assert failure(ask(client, "print")).failure.code == "worker_died"
    client.close()


def test_closing_ends_the_process_even_while_a_job_runs(client: WorkerClient) -> None:
    events = []
    for event in client.run(InspectJob(checkpoint="wait")):
        events.append(event)
        if isinstance(event, Log):
            client.close()
    assert failure(events).failure.kind == "cancelled"
    assert client.pid is None
