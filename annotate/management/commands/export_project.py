"""manage.py export_project PROJECT WHAT FILE [--form csv]"""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotate import exports, redaction
from annotate.management.projects import project_named
from annotate.models import Project


class Command(BaseCommand):
    help = "Export a project's rankings, preferences or texts to a file and print how they reconcile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("what", choices=list(exports.WHATS))
        parser.add_argument("file", type=Path, help="must not be there yet; with --form hf a folder is made")
        parser.add_argument("--form", choices=list(exports.FORMS), default="jsonl")
        parser.add_argument(
            "--reasons", choices=list(redaction.REASONS), default="none", help="what becomes of annotators' reasons"
        )

    def handle(
        self, *args: object, project: str, what: str, file: Path, form: str, reasons: str, **options: object
    ) -> None:
        found = project_named(project)
        try:
            if form == "hf":
                counts = exports.write_folder(found, what, file, reasons=reasons)
            else:
                counts = _write(found, what, file, form=form, reasons=reasons)
        except exports.Unknown as refusal:
            raise CommandError(str(refusal)) from None
        except FileExistsError:
            raise CommandError(f"{file} is there already; nothing was exported. Name another.") from None
        exports.put_on_record(found, what, form=form, reasons=reasons)
        self.stdout.write(counts.sentence)


def _write(project: Project, what: str, file: Path, **how: str) -> exports.Counts:
    made = exports.export(project, what, **how)
    with file.open("xb") as out:
        out.writelines(made.chunks)
    return made.counts
