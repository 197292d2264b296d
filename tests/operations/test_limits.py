"""How often somebody may do something, whichever process they meet."""

import pytest
from django.urls import reverse

from annotate import tokens
from operations import limits
from operations.limits import Limit
from operations.models import Bucket

pytestmark = pytest.mark.django_db
FEW = Limit("test", burst=20, per_minute=60)


def taken(times, *, now):
    """Ask so often, each time as another process would; return how often it was granted."""
    granted = 0
    for _ in range(times):
        limits.forget()
        granted += limits.seconds_to_wait(FEW, "ana", now=now) == 0
    return granted


def test_a_bucket_gives_its_burst_and_fills_again_with_time():
    at_once = [limits.seconds_to_wait(FEW, "ana", now=1000.0) for _ in range(21)]
    later = [limits.seconds_to_wait(FEW, "ana", now=1003.0) for _ in range(4)]

    assert at_once == [0] * 20 + [1]
    assert later == [0, 0, 0, 1]


def test_processes_share_a_bucket_and_never_give_more_than_it_holds():
    assert taken(40, now=1000.0) <= 20


def test_people_do_not_share_a_bucket():
    taken(40, now=1000.0)

    assert limits.seconds_to_wait(FEW, "ben", now=1000.0) == 0


def test_a_clock_that_goes_back_gives_nothing():
    taken(40, now=1000.0)

    assert taken(5, now=900.0) == 0
    assert taken(5, now=1000.5) == 0


def test_most_hits_cost_no_statement(django_assert_num_queries):
    limits.seconds_to_wait(limits.ANSWERS, "ana")

    with django_assert_num_queries(0):
        for _ in range(29):
            limits.seconds_to_wait(limits.ANSWERS, "ana")


def test_the_first_hit_costs_one(django_assert_num_queries):
    with django_assert_num_queries(1):
        limits.seconds_to_wait(limits.ANSWERS, "ana")


def test_an_annotator_who_is_too_quick_is_told_how_long_to_wait(client, ana, comparisons, monkeypatch):
    monkeypatch.setitem(limits.LIMITED, "draft", Limit("drafts", burst=1, per_minute=6))
    client.force_login(ana.user)

    first = client.post(reverse("draft", args=[1]))
    second = client.post(reverse("draft", args=[1]), headers={"Accept-Language": "zh-hans"})

    assert first.status_code == 404
    assert (second.status_code, second["Retry-After"]) == (429, "10")
    assert "10 秒" in second.content.decode()


def test_the_api_says_it_in_its_own_shape(client, lee, monkeypatch):
    monkeypatch.setattr(limits, "API", Limit("api", burst=1, per_minute=6))
    token = tokens.create(lee, label="x", days=7)
    asked = {"headers": {"Authorization": f"Bearer {token}"}}

    found = [client.get("/api/v1/me/", **asked) for _ in range(2)]

    assert [response.status_code for response in found] == [200, 429]
    assert found[1]["Retry-After"] == "10"
    assert "errors" in found[1].json()


def test_guessing_invitations_is_limited_by_address(client, monkeypatch):
    monkeypatch.setitem(limits.LIMITED, "join", Limit("entry", burst=2, per_minute=1, by_address=True))

    found = [client.get(reverse("join", args=["a-guess"])).status_code for _ in range(3)]

    assert found == [404, 404, 429]


def test_a_loop_of_exports_is_slowed_down(client, lee, project, monkeypatch):
    monkeypatch.setitem(limits.LIMITED, "export_download", Limit("downloads", burst=2, per_minute=6))
    client.force_login(lee)

    found = [client.get(reverse("export_download", args=[project.slug]), {"kind": "prompts"}) for _ in range(3)]

    assert found[2].status_code == 429
    assert found[2]["Retry-After"] == "10"
    assert 429 not in [response.status_code for response in found[:2]]


def test_asking_for_the_next_comparison_in_a_loop_is_slowed_down(client, ana, comparisons, project, monkeypatch):
    monkeypatch.setitem(limits.LIMITED, "rank_next", Limit("next", burst=2, per_minute=6))
    client.force_login(ana.user)

    found = [client.get(reverse("rank_next", args=[project.slug])).status_code for _ in range(3)]

    assert found == [302, 302, 429]


def test_a_factor_of_zero_takes_the_limits_away(settings):
    settings.RATE_LIMIT_FACTOR = 0

    assert taken(40, now=1000.0) == 40


def test_buckets_that_nobody_uses_are_deleted():
    limits.seconds_to_wait(FEW, "ana", now=1000.0)
    limits.seconds_to_wait(FEW, "ben", now=1000.0 + limits.UNUSED_SECONDS)

    assert limits.delete_unused(now=1001.0 + limits.UNUSED_SECONDS) == 1
    assert Bucket.objects.get().key == "test:ben"
