"""What Prometheus reads, and who may."""

import re

import pytest

from annotate import assignments, rankings
from annotate.answers import Answer
from operations import gauges
from rlhf.models import Checkpoint, Run, Snapshot


@pytest.fixture
def scraped(client, settings):
    """Scrape from an allowed network and return {name with labels: value}."""
    settings.METRICS_NETWORKS = ["127.0.0.0/8"]

    def scrape():
        response = client.get("/metrics")
        assert response.status_code == 200
        lines = [line for line in response.content.decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    return scrape


@pytest.fixture
def a_queued_run(project):
    base = Checkpoint.objects.create(
        kind="sft", name="b", path="b", manifest_sha256="m" * 64, tokenizer_sha256="t" * 64, size_bytes=1
    )
    snapshot = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts={})
    return Run.objects.create(project=project, stage="sft", config={}, snapshot=snapshot, base=base)


def test_the_metrics_are_closed_by_default(client, db):
    assert client.get("/metrics").status_code == 403


def test_a_token_opens_them_and_a_wrong_one_does_not(client, db, settings):
    settings.METRICS_TOKEN = "long and random"

    right = client.get("/metrics", headers={"Authorization": "Bearer long and random"})
    wrong = client.get("/metrics", headers={"Authorization": "Bearer long and randon"})
    none = client.get("/metrics", headers={"Authorization": "Bearer "})

    assert [right.status_code, wrong.status_code, none.status_code] == [200, 403, 403]


def test_without_a_token_set_an_empty_one_opens_nothing(client, db):
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 403


def test_requests_are_counted_by_view(client, db, scraped):
    name = 'concord_requests_total{method="GET",status="200",view="login"}'
    before = scraped().get(name, 0)

    client.get("/login/")

    after = scraped()
    assert after[name] == before + 1
    assert after['concord_request_seconds_count{method="GET",view="login"}'] >= 1


def test_runs_and_the_age_of_the_queue_are_told(a_queued_run, scraped):
    found = scraped()

    assert found['concord_runs{state="queued"}'] == 1
    assert found['concord_runs{state="failed"}'] == 0
    assert 0 < found["concord_run_queue_age_seconds"] < 60


def test_places_rankings_and_agreement_of_today_are_told(comparisons, project, ana, ben, scraped):
    first = assignments.reserve_next(ana, project)
    rankings.submit(first, Answer([[pk] for pk in sorted(first.order)]), submission="a" * 32)
    second = assignments.reserve_next(ben, project)
    rankings.submit(second, Answer([[pk] for pk in sorted(second.order)]), submission="b" * 32)

    found = scraped()

    assert first.comparison_id == second.comparison_id
    assert found['concord_places{project="rivers",state="open"}'] == 4
    assert found['concord_rankings_today{project="rivers"}'] == 2
    assert found['concord_agreement_today{project="rivers"}'] == 1.0


def test_gpus_are_told_where_nvidia_smi_answers(db, scraped, monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "0, 87, 1024, 81559, 61"\necho "1, [N/A], 0, 81559, 40"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    found = scraped()

    assert found['concord_gpu_busy_ratio{gpu="0"}'] == pytest.approx(0.87)
    assert 'concord_gpu_busy_ratio{gpu="1"}' not in found
    assert found['concord_gpu_memory_used_bytes{gpu="0"}'] == 2**30


def test_without_gpus_nothing_is_told_of_them(db, scraped, monkeypatch):
    monkeypatch.setattr(gauges.shutil, "which", lambda _name: None)

    assert not [name for name in scraped() if re.match("concord_gpu", name)]


def test_a_scrape_asks_a_fixed_number_of_times(comparisons, scraped, django_assert_num_queries):
    with django_assert_num_queries(8):
        scraped()
