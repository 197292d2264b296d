"""The shared shape of the import commands: a project, a file, progress on the terminal, errors by line."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotate import intake
from annotate.management.projects import project_named


class ImportCommand(BaseCommand):
    """Imports a JSON Lines file of one kind, all or nothing."""

    kind = ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument(
            "file", type=Path, help=f"JSON Lines, e.g. {intake.KINDS[self.kind].example}".replace("%", "%%")
        )

    def handle(self, *args: object, project: str, file: Path, **options: object) -> None:
        found = project_named(project)
        if not file.is_file():
            raise CommandError(f"{file} is not a file.")
        try:
            report = intake.import_file(file, kind=self.kind, project=found, progress=self._show)
        except intake.IntakeError as refusal:
            shown = "\n".join(map(str, refusal.errors))
            raise CommandError(f"nothing was imported: {refusal.error_count} errors.\n{shown}") from None
        self.stdout.write(report.sentence)

    def _show(self, done: int, total: int) -> None:
        self.stderr.write(f"\r{done / total:4.0%}", ending="" if done < total else "\n")
        self.stderr.flush()
