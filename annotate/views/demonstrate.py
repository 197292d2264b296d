"""Writing the ideal output to a prompt: what its page shows and stores. annotate.views.rank leads the round."""

from django.utils import timezone
from django.utils.translation import ngettext

from annotate import demonstrations, evidence, presentation
from annotate.forms import DemonstrationForm
from annotate.models import Assignment


def initial(assignment: Assignment, *, begin_from: str) -> dict[str, object]:
    """Return what the page begins with: a completion to edit, or what the author wrote, or nothing."""
    texts, labels = presentation.texts(assignment), presentation.labels(assignment)
    begun = next((pk for pk, label in labels.items() if label == begin_from), None)
    if begun is not None:
        return {"text": texts[begun], "edited_from": begin_from}
    written = demonstrations.current(assignment)
    return {"text": written.text, "edited_from": labels.get(written.edited_from_id, "")} if written else {}


def context(assignment: Assignment) -> dict[str, object]:
    """Return what the page shows beside the form."""
    return {
        "completions": presentation.completions(assignment),
        "is_change": assignment.state == Assignment.State.SUBMITTED,
        "last": None if assignment.state == Assignment.State.SUBMITTED else _last_changeable(assignment),
    }


def closed_context(assignment: Assignment, form: DemonstrationForm | None) -> dict[str, object]:
    """Return what the page shows on which nothing can be sent any more."""
    stored = demonstrations.current(assignment)
    return {
        "stored": stored,
        "stored_at": stored and stored.created_at,
        "stored_words": stored and counted(stored.text),
        "stored_text": stored and stored.text,
        "sent_words": form and counted(form.cleaned_data["text"]),
        "sent_text": form and form.cleaned_data["text"],
    }


def store(assignment: Assignment, form: DemonstrationForm, *, active: str) -> None:
    """Store what was sent: a first text, or another in the place of the author's earlier one.

    `active` are the seconds of work that the page claims.
    """
    said, written = form.cleaned_data, demonstrations.current(assignment)
    sent = {"edited_from": said["edited_from"], "submission": said["submission"]}
    is_change = written is not None and written.assignment_id == assignment.pk
    since = written.created_at if is_change else assignment.reserved_at
    seconds = evidence.active_seconds(active, wall_seconds=(timezone.now() - since).total_seconds() if since else None)
    if is_change:
        demonstrations.revise(written, said["text"], **sent, more_active_seconds=seconds)
    else:
        demonstrations.submit(assignment, said["text"], **sent, active_seconds=seconds)


def stored_words(assignment: Assignment) -> str:
    """Return what is stored in a few words: «54 words, 312 characters»."""
    return counted(demonstrations.current(assignment).text)


def may_change(assignment: Assignment) -> bool:
    """Say whether the author may still change what they wrote here."""
    written = demonstrations.current(assignment)
    return written is not None and demonstrations.may_revise(written)


def counted(text: str) -> str:
    """Return the length of a text: «54 words, 312 characters»."""
    words = len(text.split())
    return ", ".join(
        [
            ngettext("{n:,} word", "{n:,} words", words).format(n=words),
            ngettext("{n:,} character", "{n:,} characters", len(text)).format(n=len(text)),
        ]
    )


def _last_changeable(assignment: Assignment) -> Assignment | None:
    """Return where the annotator wrote last in this project, while they may change it."""
    done = Assignment.objects.filter(
        annotator=assignment.annotator_id, project=assignment.project_id, state=Assignment.State.SUBMITTED
    )
    last = done.select_related("project").order_by("-closed_at").first()
    return last if last and may_change(last) else None
