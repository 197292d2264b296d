"""manage.py sync_prolific PROJECT"""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from annotate.crowd import participations, prolific
from annotate.crowd import settings as crowds
from annotate.management.projects import project_named


class Command(BaseCommand):
    help = "Bring the statuses of a project's stays from Prolific; the places of who has left come free."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")

    def handle(self, *args: object, project: str, **options: object) -> None:
        found = project_named(project)
        if not crowds.parse(found.crowd).is_prolific:
            raise CommandError(f"{project} has no workers from Prolific. Choose the provider on its crowd page.")
        try:
            self.stdout.write(participations.sync(found).sentence)
        except prolific.ProlificError as error:
            raise CommandError(str(error)) from None
