"""For annotators: what waits, the next comparison, submit, revise, skip. Exactly the modules behind the rank page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate import (
    access,
    answers,
    assignments,
    demonstrations,
    evidence,
    presentation,
    questions,
    rankings,
    turns,
    worklist,
)
from annotate.answers import Answer, BadAnswer, Span
from annotate.api import serializers as shapes
from annotate.api.base import Door
from annotate.api.errors import Conflict
from annotate.models import Assignment, Completion, Ranking, Role
from annotate.standing import Step

ANNOTATORS = (Role.ANNOTATOR,)
STORED = {200: shapes.Assigned, 201: shapes.Assigned, 400: shapes.Errors, 404: shapes.Errors, 409: shapes.Errors}


class WorkList(Door):
    roles = {"GET": ANNOTATORS}

    @extend_schema(responses=shapes.WorkOut(many=True))
    def get(self, request: Request) -> Response:
        """List the projects that are open to the annotator."""
        found = worklist.of(access.annotator_of(request.user))
        return Response(shapes.WorkOut(found, many=True).data)


class Next(Door):
    roles = {"POST": ANNOTATORS}

    @extend_schema(request=None, responses={200: shapes.Assigned, 204: None, 409: shapes.Errors})
    def post(self, request: Request, slug: str) -> Response:
        """Reserve the next comparison, or return the one reserved; 204 where nothing is left, 409 before a step."""
        project = access.project_for_annotator(slug)
        turn = turns.next_turn(access.annotator_of(request.user), project)
        if turn.assignment:
            return Response(shown(turn.assignment))
        if turn.standing.step != Step.WORKING:
            raise Conflict(f"No comparison before the next step: {turn.standing.step}. Take it in the browser.")
        return Response(status=status.HTTP_204_NO_CONTENT)


class Place(Door):
    roles = {"GET": ANNOTATORS}

    @extend_schema(responses=shapes.Assigned)
    def get(self, request: Request, pk: int) -> Response:
        """Show one of the annotator's own comparisons."""
        return Response(shown(access.assignment_for(request.user, pk)))


class Submit(Door):
    roles = {"POST": ANNOTATORS}

    @extend_schema(request=shapes.AnswerIn, responses=STORED)
    def post(self, request: Request, pk: int) -> Response:
        """Submit an answer. The same submission again returns 200 and changes nothing."""
        place = access.assignment_for(request.user, pk)
        said = self.read(shapes.AnswerIn)
        is_known = Ranking.objects.filter(submission=said["submission"]).exists()
        try:
            answer = _answer(said, place, since=place.reserved_at)
            stored = rankings.submit(place, answer, submission=said["submission"])
        except IntegrityError as problem:
            raise Conflict from problem
        place = access.assignment_for(request.user, stored.assignment_id)
        return Response(shown(place), status=status.HTTP_200_OK if is_known else status.HTTP_201_CREATED)


class Revise(Door):
    roles = {"POST": ANNOTATORS}

    @extend_schema(request=shapes.AnswerIn, responses=STORED)
    def post(self, request: Request, pk: int) -> Response:
        """Replace the current answer within the project's grace time; the earlier one stays on record.

        With `If-Match: "<revision>"` it is replaced only while it is the one that you read; else 409.
        """
        place = access.assignment_for(request.user, pk)
        said = self.read(shapes.AnswerIn)
        current = place.rankings.filter(superseded_at__isnull=True).first()
        if current is None:
            raise Conflict("There is no answer to revise: submit one first.")
        is_known = Ranking.objects.filter(submission=said["submission"]).exists()
        read = request.headers.get("If-Match", "").strip().strip('"')
        if read and not is_known and read != str(current.revision):
            raise Conflict(f"The answer has revision {current.revision} now, not {read[:20]}: read it again.")
        earlier = current.active_seconds or 0.0
        answer = _answer(said, place, since=current.submitted_at, earlier_seconds=earlier)
        rankings.revise(current, answer, submission=said["submission"])
        return Response(shown(place), status=status.HTTP_200_OK if is_known else status.HTTP_201_CREATED)


class Skip(Door):
    roles = {"POST": ANNOTATORS}

    @extend_schema(request=shapes.SkipIn, responses={204: None, 400: shapes.Errors, 409: shapes.Errors})
    def post(self, request: Request, pk: int) -> Response:
        """Give a comparison back with a reason; it will not be offered again. Skipping twice is harmless."""
        place = access.assignment_for(request.user, pk)
        reason = self.read(shapes.SkipIn)["reason"]
        if place.state != Assignment.State.SKIPPED:
            assignments.skip(place, reason=reason)
        return Response(status=status.HTTP_204_NO_CONTENT)


def shown(place: Assignment) -> dict[str, Any]:
    """Return a comparison as its annotator may see it: letters, no ids, no origin, no purpose, nobody else's word."""
    texts = dict(Completion.objects.filter(comparison=place.comparison_id).values_list("pk", "text"))
    labels = presentation.labels(place)
    shown = {
        "id": place.pk,
        "project": place.project.slug,
        "task": place.project.task,
        "questions": questions.to_json(questions.parse(place.project.questions)),
        "state": place.state,
        "expires_at": place.expires_at,
        "messages": place.comparison.prompt.messages,
        "completions": [{"label": label, "text": texts[pk]} for pk, label in labels.items()],
        "ranking": _own(place, labels),
        "demonstration": _written(place, labels),
    }
    return shapes.Assigned(shown).data


def _own(place: Assignment, labels: dict[int, str]) -> dict[str, Any] | None:
    said = place.rankings.filter(superseded_at__isnull=True).first()
    if said is None:
        return None
    names = ("submission", "revision", "strength", "is_all_bad", "unrankable", "reason", "submitted_at")
    return {name: getattr(said, name) for name in names} | {
        "tiers": answers.named_tiers(said.tiers, labels),
        "details": answers.named_details(said.details, labels),
        "words": presentation.in_words(said.tiers, assignment=place),
    }


def _written(place: Assignment, labels: dict[int, str]) -> dict[str, Any] | None:
    written = demonstrations.current(place)
    if written is None:
        return None
    names = ("submission", "text", "created_at")
    return {name: getattr(written, name) for name in names} | {"edited_from": labels.get(written.edited_from_id)}


def _answer(said: dict[str, Any], place: Assignment, *, since: datetime | None, earlier_seconds: float = 0.0) -> Answer:
    """Return what was sent under the letters of a comparison, by completion id. Raises BadAnswer for another letter.

    The time that a client claims is no longer than the clock's; earlier work is added.
    """
    ids = {label: pk for pk, label in presentation.labels(place).items()}
    wall_seconds = (timezone.now() - since).total_seconds() if since else None
    claimed = evidence.active_seconds(str(said["active_seconds"]), wall_seconds=wall_seconds)

    def by_id(values: Mapping[str, Any], where: str) -> dict[int, Any]:
        return {id_under(ids, label, where): value for label, value in values.items()}

    return Answer(
        tiers=[[id_under(ids, label, "tiers") for label in tier] for tier in said["tiers"]],
        reason=said["reason"],
        strength=said["strength"],
        is_all_bad=said["is_all_bad"],
        unrankable=said["unrankable"],
        ratings=by_id(said["ratings"], "ratings"),
        flags=by_id(said["flags"], "flags"),
        aspects={key: by_id(values, f"aspects.{key}") for key, values in said["aspects"].items()},
        spans=tuple(
            Span(**span | {"completion": id_under(ids, span["completion"], "spans")}) for span in said["spans"]
        ),
        active_seconds=round(earlier_seconds + (claimed or 0.0), 1) or None,
    )


def id_under(ids: Mapping[str, int], label: str, where: str) -> int:
    """Return the id of the completion under a letter. Raises BadAnswer for a letter that is not there."""
    if label not in ids:
        raise BadAnswer(where, f"expected the letters of the completions, {', '.join(ids)}; got {label[:40]!r}.")
    return ids[label]
