"""Take an annotator's consent back in a project: what they said makes no more labels; lists the models it may be in."""

import json
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from annotate.models import Annotator, Project
from operations import leaving
from rlhf import recall
from rlhf.recall import Touched


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pseudonym")
        parser.add_argument("project", help="its slug")
        parser.add_argument("--dry-run", action="store_true", help="only list what may rest on them")
        parser.add_argument("--json", action="store_true", help="the list as one JSON object")

    def handle(self, *args: object, pseudonym: str, project: str, **options: bool) -> None:
        annotator = Annotator.objects.filter(pseudonym=pseudonym).first()
        found = Project.objects.filter(slug=project).first()
        if annotator is None or found is None:
            raise CommandError(
                f"There is no annotator {pseudonym!r}." if found else f"There is no project {project!r}."
            )
        touched = recall.touched(annotator, found)
        if not options["dry_run"] and leaving.take_back_consent(annotator, found) is None:
            raise CommandError(f"{pseudonym} took their consent back before; nothing was changed.")
        self.stdout.write(json.dumps(_plain(touched)) if options["json"] else "\n".join(_lines(touched)))


def _plain(touched: Touched) -> dict[str, list[object]]:
    return {
        "snapshots": [{"id": one.pk, "sha256": one.sha256} for one in touched.snapshots],
        "runs": [{"id": one.pk, "stage": one.stage, "state": one.state} for one in touched.runs],
        "checkpoints": [
            {"id": one.pk, "name": one.name, "manifest_sha256": one.manifest_sha256} for one in touched.checkpoints
        ],
    }


def _lines(touched: Touched) -> list[str]:
    if not touched.snapshots:
        return ["No snapshot was frozen while they counted: no model rests on them."]
    lines = [f"snapshot {one.pk}  {one.sha256}" for one in touched.snapshots]
    lines += [f"run {one.pk}  {one.stage}, {one.state}" for one in touched.runs]
    lines += [f"checkpoint {one.pk}  {one.name}" for one in touched.checkpoints]
    return [*lines, "Freeze again and train on the new snapshot to have models without them."]
