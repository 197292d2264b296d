"""manage.py backup DIRECTORY"""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from operations import backups, dumps
from rlhf import store


class Command(BaseCommand):
    help = "Write the database and the files it speaks of into a new directory, while people work."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path)

    def handle(self, *args: object, directory: Path, **options: object) -> None:
        try:
            made = backups.back_up(directory.resolve())
        except (backups.Refused, dumps.Failed, store.Unreachable) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"{directory}: {made['files']:,} files, {made['bytes'] / 2**20:,.1f} MiB. Keep it secret.")
