"""manage.py judge_annotators PROJECT [--pause]"""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from annotate import judging, pausing
from annotate.management.projects import project_named
from annotate.models import Annotator


class Command(BaseCommand):
    help = "Print the verdict on each annotator of a project with its reason, those most at risk first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("--pause", action="store_true", help="apply the project's policy now instead of hourly")

    def handle(self, *args: object, project: str, pause: bool, **options: object) -> None:
        found = project_named(project)
        if pause and not found.pauses_failing:
            raise CommandError(f"{project}: the policy is off; turn it on on the project's onboarding page.")
        if pause:
            for member in pausing.apply(found):
                self.stdout.write(f"paused {member.annotator.pseudonym}")
            return
        names = dict(Annotator.objects.values_list("pk", "pseudonym"))
        for one in judging.judgement_of(found).annotators:
            self.stdout.write(f"{one.verdict:8}{names[one.annotator]}  {one.reason}")
