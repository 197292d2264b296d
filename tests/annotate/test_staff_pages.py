"""The staff's pages: each renders full and empty, does its one thing, and refuses what it must."""

import json
import os
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from annotate import assignments, intake, people, projects, rankings
from annotate.answers import Answer
from annotate.models import Adjudication, Annotator, Comparison, Origin, Project, Prompt, Ranking, Role

GUIDELINES = "# Be fair\nPrefer *helpful* ones."
PROMPT_LINE = json.dumps({"id": "p1", "prompt": "Name three rivers."})


@pytest.fixture
def as_user(client):
    """Log a user (or the account of an annotator) in and return the client."""

    def as_user(user):
        client.force_login(getattr(user, "user", user))
        return client

    return as_user


@pytest.fixture
def ranked(project, comparisons, ana, ben):
    """The project after ana and ben ranked each comparison, in opposite orders."""
    for annotator, turn in ((ana, 1), (ben, -1)):
        while place := assignments.reserve_next(annotator, project):
            tiers = [[pk] for pk in sorted(place.order)[::turn]]
            rankings.submit(place, Answer(tiers, reason=f"said by {annotator.user.username}"), submission=uuid.uuid4())
    return project


def uploaded(*lines, name="file.jsonl"):
    return SimpleUploadedFile(name, "".join(f"{line}\n" for line in lines).encode())


def rank_fields(comparison, *ranks, reason="a is right"):
    completions = comparison.completions.order_by("pk")
    return {f"rank_{c.pk}": rank for c, rank in zip(completions, ranks, strict=True)} | {"reason": reason}


# --- who may see what -------------------------------------------------------------------------------------------------


def pages_of(project, comparison, annotator):
    """Every staff page that is read, and every one that is posted to."""
    slug, read = {"slug": project.slug}, {}
    read |= {name: reverse(name) for name in ("projects", "project_new")}
    read |= {
        name: reverse(name, kwargs=slug)
        for name in ("project", "project_settings", "guidelines_edit", "import", "consistency")
    }
    read |= {"annotator": reverse("annotator", args=[annotator.pk])}
    read |= {"comparison": reverse("comparison", args=[comparison.pk])}
    posted = {
        "annotator_pause": reverse("annotator_pause", args=[annotator.pk]),
        "adjudicate": reverse("adjudicate", args=[comparison.pk]),
    }
    return read, posted


ASKED = {"task": "ranking", "reason": "optional"}
QUEUE = {
    "overlap_policy": "fixed",
    "overlap_cap": 5,
    "fixed_rate": 0.15,
    "gold_rate": 0,
    "repeat_rate": 0,
    "grace_seconds": 300,
}
FOR_ADMINS = {"project_new", "project_settings", "guidelines_edit"}


def test_an_annotator_is_refused_every_staff_page(ranked, comparisons, ana, as_user):
    client = as_user(ana)
    read, posted = pages_of(ranked, comparisons[0], ana)

    statuses = {client.get(url).status_code for url in read.values()}
    statuses |= {client.post(url).status_code for url in posted.values()}

    assert statuses == {403}


def test_a_stranger_is_sent_to_the_login_page(ranked, comparisons, ana, client):
    read, posted = pages_of(ranked, comparisons[0], ana)

    answers = [client.get(url) for url in read.values()] + [client.post(url) for url in posted.values()]

    assert {answer.status_code for answer in answers} == {302}
    assert all(answer.url.startswith("/login/?next=/staff/") for answer in answers)


def test_an_account_without_a_role_is_refused(ranked, comparisons, ana, sam, as_user):
    client = as_user(sam)
    read, _ = pages_of(ranked, comparisons[0], ana)

    assert {client.get(url).status_code for url in read.values()} == {403}


def test_an_admin_reads_every_page(ranked, comparisons, ana, lee, as_user):
    client = as_user(lee)
    read, _ = pages_of(ranked, comparisons[0], ana)

    assert {name: client.get(url).status_code for name, url in read.items()} == dict.fromkeys(read, 200)


def test_a_reviewer_reads_all_but_what_changes_a_project(ranked, comparisons, ana, rex, as_user):
    client = as_user(rex)
    read, _ = pages_of(ranked, comparisons[0], ana)

    refused = {name for name, url in read.items() if client.get(url).status_code == 403}

    assert refused == FOR_ADMINS | {"import"}


def test_an_ml_engineer_reads_and_imports_but_changes_nothing(ranked, comparisons, ana, mia, as_user):
    client = as_user(mia)
    read, posted = pages_of(ranked, comparisons[0], ana)

    refused = {name for name, url in read.items() if client.get(url).status_code == 403}

    assert refused == FOR_ADMINS
    assert {client.post(url).status_code for url in posted.values()} == {403}


def test_what_is_posted_to_is_not_read(ranked, comparisons, ana, lee, as_user):
    client = as_user(lee)
    _, posted = pages_of(ranked, comparisons[0], ana)

    assert {client.get(url).status_code for url in posted.values()} == {405}


def test_what_is_not_there_is_404(lee, as_user):
    client = as_user(lee)
    missing = [
        reverse("project", args=["nothing"]),
        reverse("comparison", args=[99]),
        reverse("annotator", args=[99]),
    ]

    assert {client.get(url).status_code for url in missing} == {404}


# --- projects ---------------------------------------------------------------------------------------------------------


def test_an_empty_list_says_what_to_do(lee, as_user):
    page = as_user(lee).get(reverse("projects")).content.decode()

    assert "No project yet" in page
    assert reverse("project_new") in page


def test_the_list_counts_what_each_project_holds(ranked, lee, as_user):
    page = as_user(lee).get(reverse("projects"))

    ((project, counts),) = page.context["rows"]
    assert project == ranked
    assert (counts.prompt_count, counts.comparison_count, counts.ranking_count, counts.annotator_count) == (3, 3, 6, 2)
    assert (counts.open_count, counts.submitted_count, counts.submitted_rate) == (0, 6, 1.0)


def test_the_list_asks_the_same_number_of_questions_however_long(
    ranked, lee, as_user, django_assert_num_queries, django_assert_max_num_queries
):
    client = as_user(lee)
    with django_assert_max_num_queries(30) as one:
        client.get(reverse("projects"))
    for n in range(4):
        projects.create(slug=f"p{n}", name=f"P{n}", guidelines=GUIDELINES, by=None)

    with django_assert_num_queries(len(one)):
        client.get(reverse("projects"))


def test_a_project_is_made_with_its_guidelines(lee, as_user):
    fields = {"name": "Lakes", "slug": "lakes", "overlap": 4, "guidelines": GUIDELINES, **ASKED}

    answer = as_user(lee).post(reverse("project_new"), fields)

    made = Project.objects.get(slug="lakes")
    assert (answer.status_code, answer.url) == (302, reverse("project", args=["lakes"]))
    assert (made.overlap, made.guidelines.get().text, made.guidelines.get().published_by) == (4, GUIDELINES, lee)


@pytest.mark.parametrize(
    "wrong",
    [{"slug": "rivers"}, {"slug": "two words"}, {"overlap": 0}, {"overlap": 51}, {"name": ""}, {"guidelines": ""}],
)
def test_a_project_that_cannot_be_is_refused_with_a_reason(project, lee, as_user, wrong):
    fields = {"name": "Lakes", "slug": "lakes", "overlap": 4, "guidelines": GUIDELINES, **ASKED} | wrong

    answer = as_user(lee).post(reverse("project_new"), fields)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == list(wrong)
    assert Project.objects.count() == 1


def test_a_project_without_prompts_says_what_to_do(project, lee, as_user):
    page = as_user(lee).get(reverse("project", args=[project.slug])).content.decode()

    assert "Nothing to rank yet" in page
    assert reverse("import", args=[project.slug]) in page


def test_a_project_shows_its_guidelines_as_safe_html(lee, as_user):
    projects.create(slug="lakes", name="Lakes", guidelines="*Be* fair <script>alert(1)</script>", by=None)

    page = as_user(lee).get(reverse("project", args=["lakes"])).content.decode()

    assert "<em>Be</em> fair" in page
    assert "<script>alert" not in page


def test_settings_change(project, lee, as_user):
    fields = {"name": "Big rivers", "overlap": 5, "lease_seconds": 600, **ASKED, **QUEUE}

    answer = as_user(lee).post(reverse("project_settings", args=[project.slug]), fields)

    project.refresh_from_db()
    assert answer.status_code == 302
    assert (project.name, project.overlap, project.lease_seconds, project.is_active) == ("Big rivers", 5, 600, False)


def test_gold_repeats_and_adaptive_overlap_are_set_on_the_page(project, lee, as_user):
    queue = {"overlap_policy": "adaptive", "overlap_cap": 6, "fixed_rate": 0.2, "gold_rate": 0.1, "repeat_rate": 0.05}
    fields = {"name": "Rivers", "overlap": 2, "lease_seconds": 600, "is_active": "on", **ASKED, **QUEUE, **queue}

    answer = as_user(lee).post(reverse("project_settings", args=[project.slug]), fields | {"grace_seconds": 60})

    project.refresh_from_db()
    assert answer.status_code == 302
    assert {name: getattr(project, name) for name in queue} == queue
    assert project.grace_seconds == 60


@pytest.mark.parametrize(
    ("field", "value"),
    [("overlap_cap", 1), ("gold_rate", 0.6), ("repeat_rate", -0.1), ("fixed_rate", "nan"), ("grace_seconds", 86_401)],
)
def test_a_queue_that_makes_no_sense_is_refused_beside_its_field(project, lee, as_user, field, value):
    fields = {"name": "Rivers", "overlap": 2, "lease_seconds": 600, **ASKED, **QUEUE, "overlap_policy": "adaptive"}

    answer = as_user(lee).post(reverse("project_settings", args=[project.slug]), fields | {field: value})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]


def test_settings_out_of_bounds_change_nothing(project, lee, as_user):
    fields = {"name": "Big rivers", "overlap": 5, "lease_seconds": 5, "is_active": "on", **ASKED, **QUEUE}

    answer = as_user(lee).post(reverse("project_settings", args=[project.slug]), fields)

    project.refresh_from_db()
    assert answer.status_code == 422
    assert "lease_seconds" in answer.context["form"].errors
    assert project.name == "Rivers"


def test_guidelines_get_a_new_version_and_the_old_one_stays(project, lee, as_user):
    fields = {"text": "Be kind.", "based_on": 1}

    answer = as_user(lee).post(reverse("guidelines_edit", args=[project.slug]), fields)

    assert answer.status_code == 302
    assert list(project.guidelines.values_list("number", "text")) == [(2, "Be kind."), (1, GUIDELINES)]


def test_guidelines_written_over_an_older_version_are_refused(project, lee, as_user):
    projects.publish_guidelines(project, text="Be quick.", by=lee)

    answer = as_user(lee).post(reverse("guidelines_edit", args=[project.slug]), {"text": "Be kind.", "based_on": 1})

    assert answer.status_code == 409
    assert "version 2 came out while you were writing" in answer.content.decode()
    assert "Be kind." in answer.content.decode()
    assert project.guidelines.count() == 2


# --- import -----------------------------------------------------------------------------------------------------------


def test_the_import_page_shows_an_example_of_each_kind(project, lee, as_user):
    page = as_user(lee).get(reverse("import", args=[project.slug]))

    assert [kind.label for kind in page.context["kinds"]] == [kind.label for kind in intake.KINDS.values()]
    assert "Rhine, Nile, Amazon." in page.content.decode()


def test_a_file_is_imported_and_reported(project, lee, as_user):
    fields = {"kind": "prompts", "file": uploaded(PROMPT_LINE)}

    answer = as_user(lee).post(reverse("import", args=[project.slug]), fields, follow=True)

    assert Prompt.objects.get().external_id == "p1"
    assert answer.redirect_chain == [(reverse("project", args=[project.slug]), 302)]
    assert "1 lines read: 1 new prompts." in answer.content.decode()


def test_a_faulty_file_is_refused_as_a_whole_with_its_errors_by_line(project, lee, as_user):
    fields = {"kind": "prompts", "file": uploaded(PROMPT_LINE, '{"id": "p2", "prompt": 5}', name="mine.jsonl")}

    answer = as_user(lee).post(reverse("import", args=[project.slug]), fields)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Nothing was imported" in page
    assert "mine.jsonl:2" in page
    assert "<code>prompt</code>" in page
    assert not Prompt.objects.exists()


def test_of_many_errors_the_first_hundred_and_the_total_are_shown(project, lee, as_user):
    fields = {"kind": "prompts", "file": uploaded(*["{}"] * 130)}

    answer = as_user(lee).post(reverse("import", args=[project.slug]), fields)

    page = answer.content.decode()
    assert "The file has 130 errors; the first 100 stand below" in page
    assert "and 30 more." in page
    assert page.count("file.jsonl:") == 100


def test_a_form_without_a_file_says_so(project, lee, as_user):
    answer = as_user(lee).post(reverse("import", args=[project.slug]), {"kind": "prompts"})

    assert answer.status_code == 422
    assert answer.context["form"].errors["file"] == ["This field is required."]


def test_a_file_over_the_limit_is_refused_before_it_is_read(project, lee, as_user, settings):
    settings.IMPORT_MAX_BYTES = 1000
    fields = {"kind": "prompts", "file": uploaded(PROMPT_LINE, "x" * 70_000)}

    answer = as_user(lee).post(reverse("import", args=[project.slug]), fields)

    assert answer.status_code == 413
    assert "Nothing was imported: the file is larger than 1.0\u202fkB" in answer.content.decode()


def test_an_upload_looks_away_where_another_ends_meanwhile(lee, as_user, project, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "gone.upload").symlink_to(tmp_path / "is seen but not there")
    old = tmp_path / "uploads" / "old.upload"
    old.touch()
    os.utime(old, (0, 0))

    done = as_user(lee).post(reverse("import", args=[project.slug]), {"kind": "prompts", "file": uploaded(PROMPT_LINE)})

    assert done.status_code == 302
    assert not old.exists()


def test_the_upload_lies_in_the_data_directory_and_is_gone_afterwards(
    project, lee, as_user, settings, tmp_path, monkeypatch
):
    settings.DATA_DIR = tmp_path
    seen = []
    import_file = intake.import_file
    monkeypatch.setattr(intake, "import_file", lambda path, **more: seen.append(path) or import_file(path, **more))

    as_user(lee).post(reverse("import", args=[project.slug]), {"kind": "prompts", "file": uploaded(PROMPT_LINE)})

    (path,) = seen
    assert path.parent == tmp_path / "uploads"
    assert not path.exists()


def test_an_ml_engineer_imports_comparisons_only(project, mia, as_user):
    client = as_user(mia)

    page = client.get(reverse("import", args=[project.slug]))
    answer = client.post(reverse("import", args=[project.slug]), {"kind": "rankings", "file": uploaded(PROMPT_LINE)})

    assert [kind.label for kind in page.context["kinds"]] == [intake.KINDS["comparisons"].label]
    assert answer.status_code == 422
    assert "kind" in answer.context["form"].errors


def test_an_import_needs_the_csrf_token(project, lee):
    client = Client(enforce_csrf_checks=True)
    client.force_login(lee)
    url = reverse("import", args=[project.slug])

    without = client.post(url, {"kind": "prompts", "file": uploaded(PROMPT_LINE)})
    token = client.get(url).context["csrf_token"]
    fields = {"kind": "prompts", "file": uploaded(PROMPT_LINE), "csrfmiddlewaretoken": str(token)}
    with_token = client.post(url, fields)

    assert without.status_code == 403
    assert with_token.status_code == 302
    assert Prompt.objects.count() == 1


# --- what was made by a simulated annotator --------------------------------------------------------------------------


def test_simulated_rankings_are_marked_on_every_page_that_shows_them(project, comparisons, rex, as_user):
    bot = people.without_account(Origin.SIMULATED, source="demo", external_ids=["bot"])["bot"]
    place = assignments.reserve_next(bot, project)
    rankings.submit(place, Answer([place.order]), submission=uuid.uuid4())
    client = as_user(rex)
    read, _ = pages_of(project, comparisons[0], bot)

    shown = {
        name: "badge-simulated" in client.get(read[name]).content.decode() for name in read if name in SHOWS_RANKINGS
    }

    assert shown == dict.fromkeys(SHOWS_RANKINGS, True)


def test_the_desk_and_the_export_say_that_rankings_are_simulated(project, comparisons, lee, as_user):
    client = as_user(lee)
    urls = [reverse(name, args=[project.slug]) for name in ("desk", "export")]
    urls.append(reverse("desk_comparison", args=[comparisons[0].pk]))
    before = ["badge-simulated" in client.get(url).content.decode() for url in urls]
    bots = people.without_account(Origin.SIMULATED, source="demo", external_ids=["one", "two"])
    places = [assignments.reserve_next(bot, project) for bot in bots.values()]
    ids = sorted(places[0].order)
    for place, order in zip(places, (ids, ids[::-1]), strict=True):
        rankings.submit(place, Answer([[pk] for pk in order]), submission=uuid.uuid4())

    after = ["badge-simulated" in client.get(url).content.decode() for url in urls]

    assert {place.comparison for place in places} == {comparisons[0]}
    assert (before, after) == ([False] * 3, [True] * 3)


SHOWS_RANKINGS = {"projects", "project", "consistency", "annotator", "comparison"}


def test_no_page_has_an_inline_style_or_handler(ranked, comparisons, ana, lee, as_user):
    client = as_user(lee)
    read, _ = pages_of(ranked, comparisons[0], ana)

    pages = [client.get(url).content.decode() for url in read.values()]

    assert not [page for page in pages if " style=" in page or " onclick=" in page or "<style" in page]


def import_many(project, write_lines, *, comparison_count):
    """More comparisons with a ranking each, all by people who are not here yet."""
    comparisons = [
        {"id": f"m{n}", "prompt": f"Question {n}?", "completions": ["yes", "no"], "overlap": 1}
        for n in range(comparison_count)
    ]
    votes = [
        {"comparison": f"m{n}", "annotator": f"w{n % 9}", "chosen": "a", "rejected": "b", "submitted_at": "2026-01-01"}
        for n in range(comparison_count)
    ]
    intake.import_file(write_lines(*comparisons), kind="comparisons", project=project)
    intake.import_file(write_lines(*votes), kind="rankings", project=project)


# --- one comparison ---------------------------------------------------------------------------------------------------


def test_a_comparison_shows_models_and_rankings_side_by_side(ranked, comparisons, ana, ben, rex, as_user):
    page = as_user(rex).get(reverse("comparison", args=[comparisons[0].pk])).content.decode()

    assert "SECRET-MODEL-0" in page
    assert "A &gt; B &gt; C &gt; D" in page
    assert "D &gt; C &gt; B &gt; A" in page
    assert ana.pseudonym in page
    assert "said by ben" in page


def test_a_comparison_that_nobody_ranked_says_so(comparisons, rex, as_user):
    page = as_user(rex).get(reverse("comparison", args=[comparisons[0].pk])).content.decode()

    assert "Nobody has ranked it yet" in page
    assert "not ranked yet" in page


def test_a_text_from_outside_stays_text(project, write_lines, rex, as_user):
    evil = {"id": "x", "prompt": "<script>alert(1)</script>", "completions": ["<img src=x onerror=alert(2)>", "fine"]}
    intake.import_file(write_lines(evil), kind="comparisons", project=project)

    page = as_user(rex).get(reverse("comparison", args=[Comparison.objects.get().pk])).content.decode()

    assert "<script>alert" not in page
    assert "<img" not in page


def test_a_reviewer_rules_on_a_comparison(ranked, comparisons, rex, as_user):
    comparison = comparisons[0]
    a, b, c, d = comparison.completions.order_by("pk").values_list("pk", flat=True)

    answer = as_user(rex).post(
        reverse("adjudicate", args=[comparison.pk]), rank_fields(comparison, 2, 2, 1, 4), follow=True
    )

    ruling = Adjudication.objects.get()
    assert (ruling.tiers, ruling.reviewer, ruling.reason) == ([[c], [a, b], [d]], rex, "a is right")
    assert answer.redirect_chain == [(reverse("comparison", args=[comparison.pk]), 302)]
    assert "Ruled: C &gt; A = B &gt; D" in answer.content.decode()
    assert "adjudicated" in answer.content.decode()


@pytest.mark.parametrize(
    ("ranks", "reason"), [((1, 2, 3, ""), "a is right"), ((1, 2, 3, 5), "a is right"), ((1, 2, 3, 4), "  ")]
)
def test_a_ruling_needs_every_rank_and_a_reason(ranked, comparisons, rex, as_user, ranks, reason):
    fields = rank_fields(comparisons[0], *ranks, reason=reason)

    answer = as_user(rex).post(reverse("adjudicate", args=[comparisons[0].pk]), fields)

    assert answer.status_code == 422
    assert "Not saved: 1 field needs another look." in answer.content.decode()
    assert not Adjudication.objects.exists()


def test_only_those_who_may_rule_see_the_form(ranked, comparisons, rex, mia, as_user):
    url = reverse("comparison", args=[comparisons[0].pk])

    assert "Rule on it" in as_user(rex).get(url).content.decode()
    assert "Rule on it" not in as_user(mia).get(url).content.decode()


# --- one annotator ----------------------------------------------------------------------------------------------------


def test_an_annotators_page_shows_figures_and_last_rankings(ranked, ana, rex, as_user):
    page = as_user(rex).get(reverse("annotator", args=[ana.pk])).content.decode()

    assert ana.pseudonym in page
    assert "Name river number 2." in page
    assert "A &gt; B &gt; C &gt; D" in page
    assert "Pause" not in page


def test_an_annotator_who_ranked_nothing_has_an_honest_page(ana, rex, as_user):
    assert "No ranking yet" in as_user(rex).get(reverse("annotator", args=[ana.pk])).content.decode()


def test_an_annotators_page_asks_the_same_number_of_questions_however_much_they_ranked(
    ranked, write_lines, rex, as_user, django_assert_num_queries, django_assert_max_num_queries
):
    import_many(ranked, write_lines, comparison_count=30)
    few, many = Annotator.objects.get(external_id="w8"), Annotator.objects.get(external_id="w0")
    client = as_user(rex)
    with django_assert_max_num_queries(30) as short:
        client.get(reverse("annotator", args=[few.pk]))

    with django_assert_num_queries(len(short)):
        client.get(reverse("annotator", args=[many.pk]))


def test_an_admin_pauses_and_resumes_an_annotator(project, comparisons, ana, lee, as_user):
    client, url = as_user(lee), reverse("annotator_pause", args=[ana.pk])

    paused = client.post(url, {"is_paused": "yes"}, follow=True)
    ana.refresh_from_db()
    work_while_paused = assignments.reserve_next(ana, project)
    client.post(url, {"is_paused": "no"})
    ana.refresh_from_db()

    assert "is paused: no new work" in paused.content.decode()
    assert work_while_paused is None
    assert assignments.reserve_next(ana, project) is not None


def test_pausing_needs_a_clear_word(ana, lee, as_user):
    assert as_user(lee).post(reverse("annotator_pause", args=[ana.pk])).status_code == 400


# --- Django's admin site ----------------------------------------------------------------------------------------------


def test_the_admin_site_shows_rankings_and_changes_none(ranked, lee, as_user):
    client, ranking = as_user(lee), Ranking.objects.first()

    assert client.get(reverse("admin:annotate_ranking_changelist")).status_code == 200
    assert client.get(reverse("admin:annotate_ranking_change", args=[ranking.pk])).status_code == 200
    assert client.post(reverse("admin:annotate_ranking_change", args=[ranking.pk]), {"reason": "x"}).status_code == 403
    assert client.post(reverse("admin:annotate_ranking_delete", args=[ranking.pk])).status_code == 403
    assert client.get(reverse("admin:annotate_ranking_add")).status_code == 403


def test_the_role_admin_makes_accounts_but_no_superusers(lee, as_user):
    client = as_user(lee)
    password = {"password1": "correct horse battery", "password2": "correct horse battery", "usable_password": "true"}

    client.post(reverse("admin:auth_user_add"), {"username": "dan"} | password)
    made = type(lee).objects.get(username="dan")
    change = reverse("admin:auth_user_change", args=[made.pk])
    groups = [str(group.pk) for group in type(made).groups.rel.model.objects.filter(name=Role.REVIEWER)]
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    client.post(change, {"username": "dan", "is_active": "on", "is_superuser": "on", "groups": groups} | joined)

    made.refresh_from_db()
    assert not made.is_superuser
    assert [group.name for group in made.groups.all()] == [Role.REVIEWER]


def test_other_roles_do_not_enter_the_admin_site(rex, as_user):
    assert as_user(rex).get(reverse("admin:index")).status_code == 302


def test_a_dry_run_shows_the_first_rows_with_the_columns_mapped_and_stores_nothing(project, lee, as_user):
    line = json.dumps({"question": "Name a lake.", "one": "Garda.", "two": "Como."})
    fields = {"kind": "comparisons", "columns": "prompt = question\ncompletions = one, two", "is_dry_run": "on"}

    answer = as_user(lee).post(reverse("import", args=[project.slug]), fields | {"file": uploaded(line)})

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Dry run, nothing was written: 1 lines read: 1 new comparisons." in page
    assert "Name a lake." in page and "Garda." in page
    assert not Comparison.objects.exists()


def test_a_mapping_of_unknown_fields_is_refused_beside_its_field(project, lee, as_user):
    fields = {"kind": "comparisons", "columns": "promt = question", "file": uploaded("{}")}

    answer = as_user(lee).post(reverse("import", args=[project.slug]), fields)

    assert answer.status_code == 422
    assert "is no field of comparisons; the fields are id, prompt" in answer.content.decode()
