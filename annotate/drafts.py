"""What an annotator has entered and not submitted: save, find, forget. The only writer of Draft.

A draft is what the page sent, field by field. Half an answer is no error, so nothing is checked but its size.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.assignments import NotReserved
from annotate.models import Annotator, Assignment, Draft

State = Assignment.State
MAX_BYTES = 512 * 1024  # a demonstration has up to 100,000 characters
NOT_KEPT = {"csrfmiddlewaretoken"}


FORGET = """
DELETE FROM annotate_draft WHERE assignment_id IN
    (SELECT id FROM annotate_assignment WHERE annotator_id = %s AND comparison_id = %s)
"""

LAST = """
SELECT draft.* FROM annotate_assignment mine JOIN annotate_draft draft ON draft.assignment_id = mine.id
WHERE mine.annotator_id = %s AND mine.comparison_id = %s AND mine.purpose = %s AND mine.state IN ('reserved', 'expired')
ORDER BY draft.saved_at DESC LIMIT 1
"""


class BadDraft(ValueError):
    """A draft that cannot be kept; the message says why."""


class TooLong(BadDraft):
    """A draft that is longer than any answer could be."""


def save(assignment: Assignment, fields: Mapping[str, list[str]], *, now: datetime | None = None) -> Draft:
    """Keep what stands in the form, in place of what was kept before. Raises BadDraft or NotReserved."""
    content = {name: values for name, values in fields.items() if name not in NOT_KEPT}
    _check(content)
    if not Assignment.objects.filter(pk=assignment.pk, state=State.RESERVED).exists():
        raise NotReserved
    kept = {"content": content, "saved_at": now or timezone.now()}
    draft, _is_new = Draft.objects.update_or_create(assignment=assignment, defaults=kept)
    return draft


def of(assignment: Assignment) -> Draft | None:
    """Return what the annotator has kept last on this comparison: a draft outlives its reservation."""
    found = Draft.objects.raw(LAST, [assignment.annotator_id, assignment.comparison_id, assignment.purpose])
    return next(iter(found), None)


def forget_all(annotator: Annotator) -> int:
    """Drop everything that an annotator has entered and not submitted; return how many drafts there were."""
    deleted, _by_model = Draft.objects.filter(assignment__annotator=annotator).delete()
    return deleted


def forget(assignment: Assignment) -> None:
    """Drop the annotator's drafts on the comparison; called in the transaction that stores their answer."""
    with connection.cursor() as cursor:  # an annotator's every submission: spared the making of the same statement
        cursor.execute(FORGET, [assignment.annotator_id, assignment.comparison_id])


def _check(content: dict[str, list[str]]) -> None:
    text = json.dumps(content, ensure_ascii=False)
    if len(text.encode()) > MAX_BYTES:
        raise TooLong(
            _("A draft has at most {most} kB; this one has {count} kB.").format(
                most=MAX_BYTES // 1024, count=len(text.encode()) // 1024
            )
        )
    if not content:
        raise BadDraft(_("The draft is empty: no field was sent."))
    if any("\0" in part for name, values in content.items() for part in (name, *values)):
        raise BadDraft(_("The draft holds a character that cannot be kept (NUL). Take it out."))
