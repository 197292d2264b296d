"""No sentence that an annotator can meet stays English on a Chinese page: neither in the source nor when it is said."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation

from annotate import answers, assignments, demonstrations, drafts, memberships, qualification
from annotate.answers import Answer, Span
from annotate.crowd import invitations, participations
from annotate.models import Membership, Task
from annotate.questions import INSTRUCT_FLAGS, Choice, Questions
from annotate.rankings import SubmissionConflict
from tests.annotate.asking import fill, project_of

ROOT = Path(settings.BASE_DIR) / "annotate"
TRANSLATES = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext"}
SENTENCE = re.compile(r"^(?:\{\} )?(?!(?:AND|FOR|SELECT|DELETE|INSERT|UPDATE) )[A-Z«][^<>/]* [a-z]|[a-z]\.$")
NOT_FOR_ANNOTATORS = """
    admin.py bulk.py comparison_intake.py deliveries.py exports.py forms_api.py forms_questions.py forms_staff.py
    gold.py intake.py jsonlines.py outbox.py policy.py posting.py preview.py projects.py questions.py redaction.py
    quality_guide.py ranked.py reconciling.py ranking_intake.py ranking_rows.py reports.py row_parts.py rows.py
    simulation.py tiles.py uploads.py verdicts.py assignments/places.py crowd/pay.py crowd/prolific.py
    crowd/settings.py audit.py sealing.py views/audit.py
    forms_consistency.py consistency views/consistency
    views/admission.py views/comparisons.py views/desk.py views/reward_models.py views/exports.py views/intake.py
    views/pay.py views/people.py views/projects.py views/tokens.py views/webhooks.py
    api formats management migrations models quality
"""
"""Modules whose words only staff, programs or the database meet; everything else in annotate/ is looked through."""
NAMES_FOR_STAFF = {
    "crowd/ledger.py": {"decide"},
    "crowd/participations.py": {"Synced"},
    "forms_crowd.py": {"InvitationForm", "CrowdForm", "PayForm", "DecisionForm"},
    "forms_onboarding.py": {
        "refuse_known_orders",
        "AnswerForm", "PauseMemberForm", "QuarantineForm", "DecideForm", "OnboardingForm", "ConsentForm",
        "MoreVotesForm",
    },
    "objections.py": {"their_letters"},
    "views/crowd.py": {"change", "sync", "approve"},
    "views/invitations.py": {"index", "revoke"},
    "views/objections.py": {"answer"},
}  # fmt: skip
OURS = {"Prolific", "NUL"}
ASKED = Questions(ratings=True, aspects=(Choice("clarity", "清晰"),), flags=(Choice("bad", "坏"),), spans=True)
FULL = {"tiers": [[1], [2]], "ratings": {1: 4, 2: 4}, "aspects": {"clarity": {1: 4, 2: 4}}}


def met_by_annotators():
    for path in sorted(ROOT.rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if not {name, name.split("/")[0], name.rpartition("/")[0]} & set(NOT_FOR_ANNOTATORS.split()):
            yield name


@pytest.mark.parametrize("name", list(met_by_annotators()))
def test_every_sentence_in_a_module_that_annotators_meet_is_marked_for_translation(name):
    assert sorted(unmarked((ROOT / name).read_text(), skip=NAMES_FOR_STAFF.get(name, set()))) == []


def test_an_unmarked_sentence_is_noticed():
    """Or the test above would be worth nothing."""
    source = 'def f(n):\n    """Not This one."""\n    raise ValueError(f"{n} words are too many.", _("But this is."))'

    assert list(unmarked(source, skip=set())) == ["{} words are too many."]


@pytest.mark.parametrize(
    ("task", "asked", "answer"),
    [
        (Task.DEMONSTRATION, ASKED, Answer(**FULL)),
        (Task.RANKING, ASKED, Answer(**FULL | {"tiers": [[1], [2], []]})),
        (Task.RANKING, ASKED, Answer(**FULL | {"tiers": [[1], [1, 2]]})),
        (Task.RANKING, ASKED, Answer(**FULL | {"tiers": [[1], [2], [3]]})),
        (Task.RANKING, ASKED, Answer(**FULL | {"tiers": [[1]]})),
        (Task.RANKING, ASKED, Answer(**FULL, strength=1)),
        (Task.PAIRWISE, ASKED, Answer(**FULL)),
        (Task.PAIRWISE, ASKED, Answer(**FULL, strength=0)),
        (Task.RANKING, Questions(unrankable=False), Answer(tiers=[], unrankable="空")),
        (Task.RANKING, ASKED, Answer(tiers=[[1], [2]], unrankable="空")),
        (Task.RANKING, ASKED, Answer(tiers=[], unrankable="空", ratings={1: 4})),
        (Task.RANKING, ASKED, Answer(tiers=[], unrankable="空" * 301)),
        (Task.RANKING, Questions(), Answer(**FULL)),
        (Task.RANKING, Questions(ratings=True), Answer(tiers=[[1], [2]], ratings={1: 4})),
        (Task.RANKING, ASKED, Answer(**FULL | {"ratings": {1: 4, 2: 8}})),
        (Task.RANKING, ASKED, Answer(**FULL | {"aspects": {}})),
        (Task.RANKING, ASKED, Answer(**FULL, flags={3: ["bad"]})),
        (Task.RANKING, ASKED, Answer(**FULL, flags={1: ["没有"]})),
        (Task.RANKING, Questions(), Answer(tiers=[[1], [2]], spans=[Span(1, 0, 2)])),
        (Task.RANKING, ASKED, Answer(**FULL, spans=[Span(1, 0, 2)] * 51)),
        (Task.RANKING, ASKED, Answer(**FULL, spans=[Span(1, 0, 20)])),
        (Task.RANKING, ASKED, Answer(**FULL, spans=[Span(1, 0, 2, note="长" * 501)])),
        (Task.RANKING, Questions(reason="required"), Answer(tiers=[[1], [2]])),
        (Task.RANKING, ASKED, Answer(**FULL, reason="长" * 2_001)),
        (Task.RANKING, ASKED, Answer(**FULL, reason="\0")),
    ],
)
def test_a_bad_answer_is_refused_in_chinese(task, asked, answer):
    with translation.override("zh-hans"), pytest.raises(answers.BadAnswer) as refusal:
        answers.check(answer, task=task, questions=asked, lengths={1: 10, 2: 10})

    assert english_in(str(refusal.value)) - {"clarity"} == set()


@pytest.mark.parametrize("text", ["", "长" * 100_001, "\0"])
def test_a_bad_demonstration_is_refused_in_chinese(ana, write_lines, text):
    project = project_of(Task.DEMONSTRATION)
    fill(project, write_lines, count=0)
    place = assignments.reserve_next(ana, project)

    with translation.override("zh-hans"), pytest.raises(answers.BadAnswer) as refusal:
        demonstrations.submit(place, text, submission=uuid4())

    assert english_in(str(refusal.value)) == set()


def test_a_submission_used_twice_is_refused_in_chinese(ana, write_lines):
    project, submission = project_of(Task.DEMONSTRATION), uuid4()
    fill(project, write_lines, count=0)
    place = assignments.reserve_next(ana, project)
    demonstrations.submit(place, "one", submission=submission)

    with translation.override("zh-hans"), pytest.raises(SubmissionConflict) as refusal:
        demonstrations.submit(place, "two", submission=submission)

    assert english_in(str(refusal.value)) == set()


@pytest.mark.parametrize("fields", [{}, {"reason": ["x" * 600_000]}, {"reason": ["\0"]}])
def test_a_draft_that_cannot_be_kept_is_refused_in_chinese(project, comparisons, ana, fields):
    place = assignments.reserve_next(ana, project)

    with translation.override("zh-hans"), pytest.raises(drafts.BadDraft) as refusal:
        drafts.save(place, fields)

    assert english_in(str(refusal.value)) <= {"kB"}


@pytest.mark.parametrize(
    "closing",
    [{"is_revoked": True}, {"expires_at": timezone.now() - timedelta(days=1)}, {"max_uses": 1, "use_count": 1}],
)
def test_a_closed_invitation_says_so_in_chinese(client, project, closing):
    invitation, secret = invitations.create(project, label="x", by=None)
    type(invitation).objects.update(**closing)
    in_chinese(client)

    html = client.get(reverse("join", args=[secret])).content.decode()

    assert english_in(message_in(html)) == set()


@pytest.mark.parametrize("status", list(participations.GONE))
def test_a_stay_that_is_over_says_so_in_chinese(status):
    with translation.override("zh-hans"):
        assert english_in(str(participations.GONE[status])) == set()


def test_what_the_page_did_not_say_is_refused_in_chinese(client, project, comparisons, ana):
    client.force_login(ana.user)
    in_chinese(client)
    place = assignments.reserve_next(ana, project)

    refused = [
        client.post(reverse("rank", args=[place.pk]), {}),
        client.post(reverse("skip", args=[place.pk]), {}),
        client.post(reverse("report", args=[place.pk]), {"text": ""}),
        client.post(reverse("report", args=[place.pk]), {"text": "x" * 2_001}),
    ]

    assert [response.status_code for response in refused] == [422] * 4
    for response in refused:
        errors = re.findall(
            r'(?:class="field-errors"|data-errors)[^>]*>(.*?)</ul>', response.content.decode(), re.DOTALL
        )
        assert errors
        assert english_in(re.sub("<[^>]*>", " ", " ".join(errors))) == set()


@pytest.mark.parametrize("said", [[1.0, 0.2], [1.0]])
def test_a_qualification_is_explained_in_the_annotators_language_and_kept_in_the_staffs(
    project, ana, monkeypatch, said
):
    project.qualification_count = 2
    monkeypatch.setattr(
        qualification, "verdict_of", lambda *_of: qualification.judge(said, needed_count=2, pass_rate=0.75)
    )

    with translation.override("zh-hans"):
        memberships.end_qualification(ana, project)
        member = Membership.objects.get(annotator=ana)
        shown = qualification.note_of(member)

    assert english_in(shown) == set()
    assert "comparisons" in member.qualification_note


def test_what_the_staff_wrote_on_a_qualification_stays_as_they_wrote_it(project, ana):
    member = memberships.admit(ana, project)
    memberships.decide_qualification(member, outcome=Membership.Qualification.PASSED, note="Known to us.")
    member.refresh_from_db()

    with translation.override("zh-hans"):
        assert qualification.note_of(member) == "Known to us."


def test_instructgpts_flags_are_named_in_chinese_and_a_projects_own_as_it_wrote_them():
    with translation.override("zh-hans"):
        assert english_in(" ".join(flag.name for flag in INSTRUCT_FLAGS)) == set()
        assert Choice("own", "Own words").name == "Own words"


def unmarked(source: str, *, skip: set[str]) -> Iterator[str]:
    """Yield the sentences of a module that stand in no call for a translation; names in `skip` are passed over."""
    tree = ast.parse(source)
    passed = {id(part) for node in ast.walk(tree) if is_passed(node, skip) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in passed or not isinstance(node, ast.JoinedStr | ast.Constant):
            continue
        words = words_of(node)
        passed |= {id(part) for part in ast.walk(node)}
        if SENTENCE.search(words):
            yield words


def is_passed(node: ast.AST, skip: set[str]) -> bool:
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") in TRANSLATES
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)  # a docstring
    return getattr(node, "name", "") in skip


def words_of(node: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node.value, str) else ""


def english_in(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]{2,}", text)) - OURS


def message_in(html: str) -> str:
    (message,) = re.findall(r'role="alert">(.*?)</p>', html, re.DOTALL)
    return message


def in_chinese(client) -> None:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
