"""One annotator in a project: what they did, and pausing them with a reason, which can be taken back."""

from django.urls import reverse

from annotate import assignments
from annotate.models import Membership


def test_the_page_shows_figures_work_and_what_to_do(ranked, ana, rex, as_user):
    page = as_user(rex).get(reverse("consistency_annotator", args=[ranked.slug, ana.pk])).content.decode()

    assert ana.pseudonym in page
    assert "Verdict: unknown" in page
    assert "A &gt; B &gt; C &gt; D" in page
    assert f"?without={ana.pseudonym}" in page


def test_who_ranked_nothing_has_an_honest_page(ranked, cy, rex, as_user):
    page = as_user(rex).get(reverse("consistency_annotator", args=[ranked.slug, cy.pk])).content.decode()

    assert "They have ranked nothing in this project." in page


def test_a_pause_needs_a_reason_and_can_be_taken_back(ranked, ana, rex, as_user):
    client, urls = as_user(rex), [ranked.slug, ana.pk]

    refused = client.post(reverse("consistency_pause", args=urls), {"message": " "})
    paused = client.post(reverse("consistency_pause", args=urls), {"message": "Please read to the end."}, follow=True)
    member = Membership.objects.get(annotator=ana, project=ranked)
    resumed = client.post(reverse("consistency_resume", args=urls), follow=True)

    assert refused.status_code == 422
    assert "Say why: the annotator reads it." in refused.content.decode()
    assert member.is_paused
    assert member.pause_message == "Please read to the end."
    assert "paused here" in paused.content.decode()
    assert "gets work again" in resumed.content.decode()
    assert not Membership.objects.get(pk=member.pk).is_paused


def test_a_pause_may_keep_the_labels_and_says_which(ranked, ana, ben, rex, as_user):
    client = as_user(rex)
    for annotator, more in ((ana, {"keeps_labels": "on"}), (ben, {})):
        client.post(
            reverse("consistency_pause", args=[ranked.slug, annotator.pk]), {"message": "Enjoy your leave."} | more
        )

    pages = [
        client.get(reverse("consistency_annotator", args=[ranked.slug, one.pk])).content.decode() for one in (ana, ben)
    ]

    assert "and makes labels as before" in pages[0]
    assert "makes no labels until they get work again" in pages[1]


def test_whoever_was_never_a_member_can_be_paused(add_crowd, project, rex, as_user):
    add_crowd(3)
    imported = project.comparisons.first().rankings.first().annotator

    as_user(rex).post(reverse("consistency_pause", args=[project.slug, imported.pk]), {"message": "No more."})

    assert Membership.objects.get(annotator=imported, project=project).is_paused


def test_a_paused_annotator_gets_no_more_work(ranked, add_crowd, ana, rex, as_user):
    as_user(rex).post(reverse("consistency_pause", args=[ranked.slug, ana.pk]), {"message": "Wait."})

    assert ranked.memberships.get(annotator=ana).is_paused
    assert assignments.reserve_next(ana, ranked) is None


def test_only_reviewers_and_admins_see_the_button(ranked, ana, mia, as_user):
    page = as_user(mia).get(reverse("consistency_annotator", args=[ranked.slug, ana.pk])).content.decode()

    assert "Pause with this message" not in page
