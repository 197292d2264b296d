"""Who may do what: one table, URL × role → status. A URL that is missing here fails the suite.

Also what annotators must never meet in any response: models, other people, rulings, simulation.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import transaction
from django.urls import URLPattern, get_resolver, reverse

from annotate import assignments, intake, objections, outbox, people, projects, rankings
from annotate.answers import Answer
from annotate.crowd import invitations
from annotate.models import Assignment, Origin
from annotate.presentation import labels
from rlhf.models import Checkpoint, Run, Snapshot, Sweep

ROLES = ("anonymous", "nobody", "annotator", "reviewer", "admin", "ml_engineer")
TABLE = {
    # machines ask for these; the metrics are closed until a setting opens them
    ("GET", "healthz"): (200, 200, 200, 200, 200, 200),
    ("GET", "readyz"): (200, 200, 200, 200, 200, 200),
    ("GET", "second_factor"): (302, 403, 403, 200, 200, 200),
    ("POST", "second_factor"): (302, 403, 403, 422, 422, 422),
    ("GET", "metrics"): (403, 403, 403, 403, 403, 403),
    # every staff page is for people with a role: strangers go to the login page (302), others get 403
    ("GET", "home"): (302, 200, 200, 302, 302, 302),
    ("GET", "login"): (200, 302, 302, 302, 302, 302),
    ("POST", "set_language"): (302, 302, 302, 302, 302, 302),
    ("POST", "logout"): (302, 302, 302, 302, 302, 302),
    ("GET", "logout"): (405, 405, 405, 405, 405, 405),
    ("GET", "consent"): (302, 403, 200, 403, 403, 403),
    ("POST", "consent"): (302, 403, 422, 403, 403, 403),
    ("GET", "guidelines"): (302, 403, 200, 200, 200, 200),
    ("POST", "guidelines"): (302, 403, 422, 403, 403, 403),
    ("GET", "guidelines_changes"): (302, 403, 200, 200, 200, 200),
    ("GET", "qualification"): (302, 403, 404, 403, 403, 403),  # it has not ended
    ("GET", "feedback"): (302, 403, 404, 403, 403, 403),  # of work there is none
    ("GET", "report"): (302, 403, 200, 403, 403, 403),
    ("POST", "report"): (302, 403, 422, 403, 403, 403),
    ("GET", "dispute"): (302, 403, 404, 403, 403, 403),  # nothing is withheld
    ("POST", "dispute"): (302, 403, 404, 403, 403, 403),
    ("GET", "my_objections"): (302, 403, 200, 403, 403, 403),
    ("POST", "consent_back"): (302, 403, 302, 403, 403, 403),
    ("GET", "leaving"): (302, 403, 403, 403, 200, 403),
    ("POST", "leaving_recall"): (302, 403, 403, 403, 302, 403),
    ("POST", "leaving_erase"): (302, 403, 403, 403, 422, 403),
    ("GET", "onboarding"): (302, 403, 403, 200, 200, 200),
    ("POST", "onboarding"): (302, 403, 403, 403, 422, 403),
    ("GET", "consent_edit"): (302, 403, 403, 403, 200, 403),
    ("POST", "consent_edit"): (302, 403, 403, 403, 302, 403),
    ("POST", "member_pause"): (302, 403, 403, 422, 422, 403),
    ("POST", "member_resume"): (302, 403, 403, 302, 302, 403),
    ("POST", "member_qualification"): (302, 403, 403, 422, 422, 403),
    ("GET", "desk"): (302, 403, 403, 200, 200, 200),
    ("GET", "desk_next"): (302, 403, 403, 302, 302, 403),
    ("GET", "desk_comparison"): (302, 403, 403, 200, 200, 403),
    ("POST", "desk_comparison"): (302, 403, 403, 422, 422, 403),
    ("POST", "more_votes"): (302, 403, 403, 422, 422, 403),
    ("GET", "objections"): (302, 403, 403, 200, 200, 200),
    ("POST", "objection_answer"): (302, 403, 403, 422, 422, 403),
    ("GET", "rank_next"): (302, 403, 302, 403, 403, 403),
    ("GET", "rank"): (302, 403, 200, 403, 403, 403),
    ("POST", "rank"): (302, 403, 422, 403, 403, 403),
    ("POST", "skip"): (302, 403, 422, 403, 403, 403),
    ("POST", "draft"): (302, 403, 200, 403, 403, 403),
    ("GET", "revise"): (302, 403, 302, 403, 403, 403),
    ("POST", "revise"): (302, 403, 409, 403, 403, 403),
    ("GET", "keys"): (302, 403, 200, 403, 403, 403),
    ("GET", "audit"): (302, 403, 403, 403, 200, 403),
    ("GET", "projects"): (302, 403, 403, 200, 200, 200),
    ("GET", "project_new"): (302, 403, 403, 403, 200, 403),
    ("POST", "project_new"): (302, 403, 403, 403, 422, 403),
    ("GET", "project"): (302, 403, 403, 200, 200, 200),
    ("GET", "project_settings"): (302, 403, 403, 403, 200, 403),
    ("POST", "project_settings"): (302, 403, 403, 403, 422, 403),
    ("GET", "guidelines_edit"): (302, 403, 403, 403, 200, 403),
    ("POST", "guidelines_edit"): (302, 403, 403, 403, 422, 403),
    ("GET", "import"): (302, 403, 403, 403, 200, 200),
    ("POST", "import"): (302, 403, 403, 403, 422, 422),
    ("GET", "export"): (302, 403, 403, 403, 200, 200),
    ("GET", "export_download"): (302, 403, 403, 403, 422, 422),
    ("GET", "consistency"): (302, 403, 403, 200, 200, 200),
    ("GET", "consistency_trend"): (302, 403, 403, 200, 200, 200),
    ("GET", "consistency_annotators"): (302, 403, 403, 200, 200, 200),
    ("GET", "consistency_annotator"): (302, 403, 403, 200, 200, 200),
    ("POST", "quarantine"): (302, 403, 403, 422, 422, 403),
    ("POST", "quarantine_end"): (302, 403, 403, 302, 302, 403),
    ("POST", "consistency_pause"): (302, 403, 403, 422, 422, 403),
    ("POST", "consistency_resume"): (302, 403, 403, 302, 302, 403),
    ("GET", "consistency_comparisons"): (302, 403, 403, 200, 200, 200),
    ("GET", "consistency_pairs"): (302, 403, 403, 200, 200, 200),
    ("GET", "consistency_pair"): (302, 403, 403, 200, 200, 200),
    ("GET", "consistency_effects"): (302, 403, 403, 200, 200, 200),
    ("GET", "consistency_ledgers"): (302, 403, 403, 200, 200, 200),
    ("POST", "consistency_refresh"): (302, 403, 403, 302, 302, 302),
    ("GET", "consistency_prospects"): (302, 403, 403, 200, 200, 200),
    ("GET", "consistency_systems"): (302, 403, 403, 200, 200, 200),
    ("GET", "consistency_grades"): (302, 403, 403, 200, 200, 200),
    ("GET", "consistency_what_if"): (302, 403, 403, 200, 200, 200),
    ("GET", "consistency_download"): (302, 403, 403, 422, 422, 422),  # as what?
    ("GET", "quality_guide"): (302, 403, 403, 200, 200, 200),
    ("GET", "reward_models"): (302, 403, 403, 200, 200, 200),
    ("POST", "reward_models_reckon"): (302, 403, 403, 302, 302, 302),
    ("POST", "ask_again"): (302, 403, 403, 422, 422, 403),
    ("GET", "annotator"): (302, 403, 403, 200, 200, 200),
    ("POST", "annotator_pause"): (302, 403, 403, 403, 302, 403),
    ("GET", "comparison"): (302, 403, 403, 200, 200, 200),
    ("POST", "adjudicate"): (302, 403, 403, 422, 422, 403),
    ("POST", "make_gold"): (302, 403, 403, 302, 302, 403),
    ("POST", "prompt_withdraw"): (302, 403, 403, 302, 302, 403),
    ("GET", "join"): (200, 200, 200, 403, 403, 403),
    ("POST", "join"): (422, 302, 302, 403, 403, 403),
    ("GET", "crowd_enter"): (404, 404, 404, 404, 404, 404),
    ("POST", "crowd_enter"): (404, 404, 404, 404, 404, 404),
    ("GET", "crowd_finished"): (302, 403, 404, 403, 403, 403),
    ("POST", "crowd_finished"): (302, 403, 404, 403, 403, 403),
    ("GET", "crowd"): (302, 403, 403, 200, 200, 200),
    ("GET", "crowd_settings"): (302, 403, 403, 403, 200, 403),
    ("POST", "crowd_settings"): (302, 403, 403, 403, 422, 403),
    ("POST", "crowd_sync"): (302, 403, 403, 403, 302, 403),
    ("POST", "crowd_approve"): (302, 403, 403, 403, 404, 403),
    ("GET", "invitations"): (302, 403, 403, 403, 200, 403),
    ("POST", "invitations"): (302, 403, 403, 403, 422, 403),
    ("POST", "invitation_revoke"): (302, 403, 403, 403, 404, 403),
    ("GET", "pay"): (302, 403, 403, 403, 200, 403),
    ("POST", "pay"): (302, 403, 403, 403, 422, 403),
    ("GET", "pay_export"): (302, 403, 403, 403, 200, 403),
    ("GET", "pay_person"): (302, 403, 403, 403, 200, 403),
    ("POST", "pay_decide"): (302, 403, 403, 403, 404, 403),  # nothing is submitted there
    ("GET", "my_pay"): (302, 403, 200, 403, 403, 403),
    ("GET", "training"): (302, 403, 403, 200, 200, 200),
    ("POST", "freeze"): (302, 403, 403, 403, 422, 422),
    ("GET", "pipeline"): (302, 403, 403, 200, 200, 200),
    ("GET", "corpus_new"): (302, 403, 403, 403, 200, 200),
    ("POST", "corpus_new"): (302, 403, 403, 403, 422, 422),
    ("GET", "run_new"): (302, 403, 403, 403, 200, 200),
    ("GET", "snapshot"): (302, 403, 403, 200, 200, 200),
    ("POST", "snapshot_sign"): (302, 403, 403, 403, 422, 403),
    ("GET", "sweep"): (302, 403, 403, 200, 200, 200),
    ("POST", "sweep_cancel"): (302, 403, 403, 403, 302, 302),
    ("GET", "policies"): (302, 403, 403, 200, 200, 200),
    ("POST", "policies_evaluate"): (302, 403, 403, 403, 302, 302),
    ("POST", "policies_compare"): (302, 403, 403, 403, 422, 422),
    ("POST", "run_new"): (302, 403, 403, 403, 422, 422),
    ("GET", "run"): (302, 403, 403, 200, 200, 200),
    ("GET", "freezing_live"): (302, 403, 403, 200, 200, 200),
    ("GET", "run_live"): (302, 403, 403, 200, 200, 200),
    ("GET", "run_metrics"): (401, 403, 403, 200, 200, 200),
    ("POST", "run_cancel"): (302, 403, 403, 403, 302, 302),
    ("POST", "run_resume"): (302, 403, 403, 403, 302, 302),
    ("GET", "checkpoint_download"): (302, 403, 403, 200, 200, 200),
    ("GET", "tokens"): (302, 403, 200, 200, 200, 200),
    ("POST", "tokens"): (302, 403, 422, 422, 422, 422),
    ("POST", "token_revoke"): (302, 403, 404, 404, 404, 404),
    ("GET", "webhooks"): (302, 403, 403, 403, 200, 403),
    ("POST", "webhooks"): (302, 403, 403, 403, 422, 403),
    ("GET", "webhook"): (302, 403, 403, 403, 200, 403),
    ("POST", "webhook_change"): (302, 403, 403, 403, 302, 403),
    ("POST", "redeliver"): (302, 403, 403, 403, 302, 403),
    # the API answers strangers with 401; a form instead of JSON is 415, which only those who may act get to hear
    ("GET", "api_reference"): (302, 403, 200, 200, 200, 200),
    ("GET", "api_schema"): (401, 403, 200, 200, 200, 200),
    ("GET", "api_me"): (401, 403, 200, 200, 200, 200),
    ("GET", "api_work"): (401, 403, 200, 403, 403, 403),
    ("POST", "api_next"): (401, 403, 409, 403, 403, 403),  # they have not agreed to the consent text yet
    ("GET", "api_assignment"): (401, 403, 200, 403, 403, 403),
    ("POST", "api_submit"): (401, 403, 415, 403, 403, 403),
    ("POST", "api_revise"): (401, 403, 415, 403, 403, 403),
    ("POST", "api_demonstrate"): (401, 403, 415, 403, 403, 403),
    ("POST", "api_skip"): (401, 403, 415, 403, 403, 403),
    ("GET", "api_projects"): (401, 403, 403, 200, 200, 200),
    ("POST", "api_projects"): (401, 403, 403, 403, 415, 403),
    ("GET", "api_project"): (401, 403, 403, 200, 200, 200),
    ("GET", "api_prompts"): (401, 403, 403, 200, 200, 200),
    ("POST", "api_prompts"): (401, 403, 403, 403, 415, 403),
    ("GET", "api_comparisons"): (401, 403, 403, 200, 200, 200),
    ("POST", "api_comparisons"): (401, 403, 403, 403, 415, 415),
    ("GET", "api_completions"): (401, 403, 403, 200, 200, 200),
    ("GET", "api_rankings"): (401, 403, 403, 200, 200, 200),
    ("GET", "api_demonstrations"): (401, 403, 403, 200, 200, 200),
    ("GET", "api_exports"): (401, 403, 403, 403, 200, 200),
    ("GET", "api_export"): (401, 403, 403, 403, 200, 200),
    ("GET", "api_export_counts"): (401, 403, 403, 403, 200, 200),
    ("GET", "api_consistency"): (401, 403, 403, 200, 200, 200),
    ("GET", "api_snapshots"): (401, 403, 403, 200, 200, 200),
    ("POST", "api_snapshots"): (401, 403, 403, 403, 415, 415),
    ("GET", "api_freezings"): (401, 403, 403, 200, 200, 200),
    ("GET", "api_checkpoints"): (401, 403, 403, 200, 200, 200),
    ("GET", "api_corpora"): (401, 403, 403, 200, 200, 200),
    ("GET", "api_runs"): (401, 403, 403, 200, 200, 200),
    ("POST", "api_runs"): (401, 403, 403, 403, 415, 415),
    ("GET", "api_run"): (401, 403, 403, 200, 200, 200),
    ("POST", "api_run_cancel"): (401, 403, 403, 403, 202, 202),
    ("POST", "api_run_resume"): (401, 403, 403, 403, 409, 409),
    ("GET", "api_run_metrics"): (401, 403, 403, 200, 200, 200),
}
SENT = {
    "annotator_pause": {"is_paused": "yes"},
    "pay": {"currency": "pounds"},
    "prompt_withdraw": {"is_withdrawn": "yes"},
}
"""What a POST needs to get past its form; the others lack all fields and are refused by the form (422)."""
SECRETS = ("SECRET-MODEL-7", "SECRET-ID", "SECRET-SOURCE", "BENS-REASON", "RULING-REASON", "simulated", "annotator-")
"""`annotator-` begins every pseudonym."""


class World(NamedTuple):
    """One row of each kind, for the arguments of the URLs."""

    slug: str
    assignment: int
    annotator: int
    comparison: int
    membership: int
    objection: int
    run: int
    sweep: int
    snapshot: int
    checkpoint: int
    invitation: str
    webhook: int
    delivery: int


@pytest.fixture
def filled(project, write_lines):
    """The project with two comparisons, three places each, full of names that annotators must not meet."""
    projects.change(project, name="Rivers", overlap=3, lease_seconds=1800, is_active=True)
    completions = [{"id": f"SECRET-ID-{x}", "text": f"River {x}.", "model": "SECRET-MODEL-7"} for x in "abcd"]
    lines = [{"id": f"SECRET-ID-{n}", "prompt": f"Name river {n}.", "completions": completions} for n in range(2)]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project, name="SECRET-SOURCE.jsonl")
    return project


@pytest.fixture
def accounts(filled, ana, rex, lee, mia, sam):
    return dict(zip(ROLES, (None, sam, ana.user, rex, lee, mia), strict=True))


@pytest.fixture
def world(filled, accounts, ana, ben, rex):
    """Ana holds a comparison that Ben and a simulated annotator have ranked with reasons, and on which Rex ruled."""
    held = assignments.reserve_next(ana, filled)
    simulated = people.without_account(Origin.SIMULATED, source="demo", external_ids=["s1"])["s1"]
    for annotator in (ben, simulated):
        place = assignments.reserve_next(annotator, filled)
        rankings.submit(place, Answer([place.order], reason="BENS-REASON"), submission=uuid4())
    rankings.adjudicate(held.comparison, reviewer=rex, tiers=[held.order], reason="RULING-REASON")
    projects.publish_consent(filled, text="You may stop at any time.", by=None)
    raised = objections.raise_objection(Assignment.objects.get(annotator=ben), kind="bad_item", text="BENS-REASON")
    checkpoint, run = _trained(filled)
    webhook = outbox.add_webhook(filled, url="https://example.org/", kinds=[], by=None)
    with transaction.atomic():
        outbox.record(filled.pk, outbox.Kind.RUN_FINISHED, {})
    return World(
        slug=filled.slug,
        assignment=held.pk,
        annotator=ben.pk,
        comparison=held.comparison_id,
        membership=filled.memberships.get(annotator=ben).pk,
        objection=raised.pk,
        run=run.pk,
        sweep=run.sweep_id,
        snapshot=run.snapshot_id,
        checkpoint=checkpoint.pk,
        invitation=invitations.create(filled, label="friends", by=None)[1],
        webhook=webhook.pk,
        delivery=webhook.deliveries.get().pk,
    )


def _trained(project):
    """A checkpoint with a file, and a queued run from it."""
    (settings.MODELS_DIR / "SECRET-MODEL-7").mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint.objects.create(
        kind="sft",
        name="SECRET-MODEL-7",
        path=(settings.MODELS_DIR / "SECRET-MODEL-7").relative_to(settings.DATA_DIR).as_posix(),
        manifest_sha256="m" * 64,
        tokenizer_sha256="t" * 64,
        size_bytes=1,
    )
    counts = {
        "prompts": 2,
        "demonstrations": 1,
        "comparisons": 2,
        "rankings": 2,
        "rulings": 0,
        "ranked_pairs": 2,
        "pairs": 2,
        "pairs_train": 1,
        "pairs_test": 1,
        "ties": 0,
        "excluded": {},
    }
    snapshot = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts=counts)
    sweep = Sweep.objects.create(project=project, stage="sft", search="epochs: 1, 2", fields=[])
    run = Run.objects.create(project=project, stage="sft", config={}, snapshot=snapshot, base=checkpoint, sweep=sweep)
    return checkpoint, run


def url_names(patterns: list) -> Iterator[str | None]:
    """Yield the names of all our URLs; Django's admin site, which has a row of its own below, is left out."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.name
        elif pattern.namespace != "admin":
            yield from url_names(pattern.url_patterns)


def url(name, world):
    """Return a URL with the arguments that its pattern asks for."""
    arguments = {
        "rank": [world.assignment],
        "skip": [world.assignment],
        "feedback": [world.assignment],
        "report": [world.assignment],
        "dispute": [world.assignment],
        "pay_decide": [world.assignment],
        "leaving": [world.annotator],
        "leaving_erase": [world.annotator],
        "leaving_recall": [world.annotator, world.slug],
        "pay_person": [world.slug, world.annotator],
        "member_pause": [world.membership],
        "member_resume": [world.membership],
        "member_qualification": [world.membership],
        "desk_comparison": [world.comparison],
        "more_votes": [world.comparison],
        "objection_answer": [world.objection],
        "draft": [world.assignment],
        "revise": [world.assignment],
        "annotator": [world.annotator],
        "annotator_pause": [world.annotator],
        "consistency_annotator": [world.slug, world.annotator],
        "consistency_pause": [world.slug, world.annotator],
        "quarantine": [world.slug, world.annotator],
        "quarantine_end": [world.slug, world.annotator],
        "consistency_resume": [world.slug, world.annotator],
        "consistency_pair": [world.slug, world.annotator, world.annotator],
        "consistency_download": [world.slug, "annotators"],
        "comparison": [world.comparison],
        "adjudicate": [world.comparison],
        "make_gold": [world.comparison],
        "prompt_withdraw": [world.comparison],
        "join": [world.invitation],
        "crowd_enter": [world.slug, "prolific"],
        "crowd_approve": [world.slug, 99],
        "invitation_revoke": [world.slug, 99],
        "run_new": [world.slug, "sft"],
        "run": [world.run],
        "snapshot": [world.snapshot],
        "snapshot_sign": [world.snapshot],
        "sweep": [world.sweep],
        "sweep_cancel": [world.sweep],
        "run_live": [world.run],
        "run_metrics": [world.run],
        "run_cancel": [world.run],
        "run_resume": [world.run],
        "checkpoint_download": [world.checkpoint],
        "webhook": [world.webhook],
        "webhook_change": [world.webhook],
        "redeliver": [world.delivery],
        "token_revoke": ["0123456789abcde"],
        "api_assignment": [world.assignment],
        "api_submit": [world.assignment],
        "api_revise": [world.assignment],
        "api_demonstrate": [world.assignment],
        "api_skip": [world.assignment],
        "api_export": [world.slug, "rankings"],
        "api_export_counts": [world.slug, "preferences"],
        "api_run": [world.run],
        "api_run_cancel": [world.run],
        "api_run_resume": [world.run],
        "api_run_metrics": [world.run],
    }
    plain = {
        "audit",
        "home",
        "set_language",
        "keys",
        "login",
        "logout",
        "projects",
        "project_new",
        "my_objections",
        "my_pay",
        "tokens",
    }
    plain |= {
        "second_factor",
        "healthz",
        "readyz",
        "metrics",
        "quality_guide",
        "api_reference",
        "api_schema",
        "api_me",
        "api_work",
        "api_projects",
    }
    return reverse(name, args=arguments.get(name, [] if name in plain else [world.slug]))


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def responses(client, world, user):
    """Return each row of the table with what the account gets; what a request changed is undone."""
    found = []
    for method, name in TABLE:
        with undone():
            if user:
                client.force_login(user)
            sent = SENT.get(name, {"sent": "nothing of use"})
            at = url(name, world)
            found.append(((method, name), client.post(at, sent) if method == "POST" else client.get(at)))
    return found


def body(response):
    """Return a response's text, streamed or not."""
    return (b"".join(response.streaming_content) if response.streaming else response.content).decode()


def test_every_url_stands_in_the_table():
    names = set(url_names(get_resolver().url_patterns))

    assert None not in names, "Give every URL a name."
    assert names == {name for _, name in TABLE}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_exactly_the_statuses_of_the_table(client, world, accounts, role):
    expected = {row: statuses[ROLES.index(role)] for row, statuses in TABLE.items()}

    found = {row: response.status_code for row, response in responses(client, world, accounts[role])}

    assert found == expected


def test_strangers_are_sent_to_the_login_page_and_come_back(client, world):
    response = client.get(url("consistency", world))

    assert response.url == f"{reverse('login')}?next={url('consistency', world)}"


@pytest.mark.parametrize("role", ROLES)
def test_djangos_admin_site_is_for_admins(client, accounts, role):
    if accounts[role]:
        client.force_login(accounts[role])

    assert client.get(reverse("admin:index")).status_code == (200 if role == "admin" else 302)


@pytest.mark.parametrize("role", ROLES)
def test_every_response_forbids_inline_scripts_and_guessed_types(client, world, accounts, role):
    for row, response in responses(client, world, accounts[role]):
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy, row
        assert "script-src 'self';" in policy + ";", row
        assert "unsafe" not in policy, row
        assert response["X-Content-Type-Options"] == "nosniff", row


def test_no_page_has_inline_scripts_styles_or_handlers(client, world, accounts):
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)

    pages = {row: body(response) for row, response in responses(client, world, accounts["admin"])}

    assert {row: inline.findall(html) for row, html in pages.items() if inline.search(html)} == {}


def test_every_form_that_changes_something_carries_a_token(client, world, accounts):
    forms = re.compile(r"<form[^>]*method=\"post\".*?</form>", re.IGNORECASE | re.DOTALL)

    pages = [
        (row, body(response))
        for role in ("annotator", "reviewer", "admin", "ml_engineer")
        for row, response in responses(client, world, accounts[role])
        if response["Content-Type"].startswith("text/html")
    ]

    found = [(row, form) for row, html in pages for form in forms.findall(html)]
    assert len(found) > len(pages)
    assert [row for row, form in found if 'name="csrfmiddlewaretoken"' not in form] == []


def test_annotators_meet_no_model_no_other_person_and_no_simulation(client, world, accounts):
    pages = {row: body(response) for row, response in responses(client, world, accounts["annotator"])}

    assert _leaks(pages) == {}


def test_annotators_meet_no_secret_on_their_round(client, world, accounts, ana):
    client.force_login(ana.user)
    sent = {f"rank-{label}": 1 for label in labels(Assignment.objects.get(pk=world.assignment)).values()} | {
        "submission": uuid4()
    }
    ranking_url = url("rank", world)
    steps = {
        "saved": client.post(ranking_url, sent, follow=True),
        "ranked": client.get(ranking_url),
        "refused": client.post(ranking_url, sent | {"submission": uuid4()}),
        "next": client.get(url("rank_next", world), follow=True),
        "nothing": client.get("/nowhere/"),
    }
    steps["consent"] = client.post(url("consent", world), {"version": 1}, follow=True)
    last = Assignment.objects.get(annotator=ana, state="reserved")
    steps["skipped"] = client.post(reverse("skip", args=[last.pk]), {"why": "other", "words": "no"}, follow=True)
    steps["skipped page"] = client.get(reverse("rank", args=[last.pk]))

    pages = {name: step.content.decode() for name, step in steps.items()}

    assert _leaks(pages) == {}
    assert "Saved: A = B = C = D" in pages["saved"]
    assert "You are up to date" in pages["skipped"]


def test_the_secrets_are_there_for_staff(client, world, accounts):
    client.force_login(accounts["admin"])

    html = client.get(url("comparison", world)).content.decode()

    assert "SECRET-MODEL-7" in html
    assert "BENS-REASON" in html
    assert "RULING-REASON" in html


def _leaks(pages):
    return {name: found for name, html in pages.items() if (found := [secret for secret in SECRETS if secret in html])}
