"""manage.py restore DIRECTORY"""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from operations import backups, dumps
from rlhf import store


class Command(BaseCommand):
    help = "Bring a backup into an empty database and data directory, and check that all is there as it was recorded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path)

    def handle(self, *args: object, directory: Path, **options: object) -> None:
        try:
            lost = backups.restore(directory.resolve())
        except (backups.Refused, dumps.Failed, store.Unreachable) as problem:
            raise CommandError(str(problem)) from None
        if lost:
            raise CommandError("Restored, but not whole:\n" + "\n".join(lost))
        self.stdout.write("Restored; every file is there as it was recorded. Next: manage.py migrate, then start.")
