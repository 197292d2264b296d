"""The shared shape of the import commands: a project, a file, progress on the terminal, errors by line."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotate import intake, preview
from annotate.formats import columns, shapes
from annotate.management.projects import project_named


class ImportCommand(BaseCommand):
    """Imports a file, or a datasets folder, of one kind, all or nothing."""

    kind = ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        example = intake.KINDS[self.kind].example.replace("%", "%%")
        parser.add_argument("project", help="the project's slug")
        parser.add_argument(
            "file", type=Path, help=f"JSON Lines, JSON list, CSV, Parquet or a datasets folder, e.g. {example}"
        )
        parser.add_argument("--shape", choices=list(shapes.SHAPES), default=shapes.OWN, help="whose format it is")
        parser.add_argument(
            "--column", action="append", default=[], metavar="FIELD=COLUMN", help="e.g. completions=answer_1,answer_2"
        )
        parser.add_argument("--dry-run", action="store_true", help="show the first rows and the counts, store nothing")

    def handle(
        self, *args: object, project: str, file: Path, shape: str, column: list[str], dry_run: bool, **options: object
    ) -> None:
        found = project_named(project)
        if not file.exists():
            raise CommandError(f"{file} is neither a file nor a folder.")
        how = {"kind": self.kind, "shape": shape, "mapped": self._mapped(column), "is_dry_run": dry_run}
        try:
            report = intake.import_file(file, project=found, progress=self._show, **how)
        except intake.IntakeError as refusal:
            shown = "\n".join(map(str, refusal.errors))
            raise CommandError(f"nothing was imported: {refusal.error_count} errors.\n{shown}") from None
        self.stdout.write(report.sentence)
        for row in preview.rows(report) if dry_run else []:
            self.stdout.write("\n".join(f"  {name}: {value}" for name, value in row) + "\n")

    def _mapped(self, column: list[str]) -> columns.Mapped:
        try:
            return columns.parse("\n".join(column), kind=self.kind)
        except columns.BadMapping as problem:
            raise CommandError(f"--column: {problem}") from None

    def _show(self, done: int, total: int) -> None:
        self.stderr.write(f"\r{done / max(total, 1):4.0%}", ending="" if done < total else "\n")
        self.stderr.flush()
