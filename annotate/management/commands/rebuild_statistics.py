"""manage.py rebuild_statistics [PROJECT …] [--check | --missing]"""

from argparse import ArgumentParser
from collections.abc import Callable

from django.core.management.base import BaseCommand, CommandError

from annotate import statistics
from annotate.management.projects import project_named
from annotate.models import Project

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Make the sums over rankings anew, of all projects or of those named. Annotators may go on working: each "
        "transaction takes seconds at most, and until the last is done the pages show the sums of a part."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("projects", nargs="*", metavar="PROJECT", help="a project's slug; without any, all")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--check", action="store_true", help="say where they differ from the rankings; write nothing")
        what.add_argument("--missing", action="store_true", help="only add what is in no sum yet, as after a break")

    def handle(self, *args: object, projects: list[str], check: bool, missing: bool, **options: object) -> None:
        found = [project_named(slug) for slug in projects] or list(Project.objects.all())
        different = sum(self._check(project) if check else self._make(project, missing) for project in found)
        if different:
            raise CommandError("The sums differ from the rankings. Run rebuild_statistics without --check.")

    def _make(self, project: Project, missing: bool) -> int:
        make = statistics.catch_up if missing else statistics.rebuild
        count = make(project, progress=self._progress(project))
        self.stdout.write(f"{project.slug}: {count:,} comparisons counted.")
        return 0

    def _check(self, project: Project) -> int:
        found = statistics.differences(project, progress=self._progress(project))
        for one in found[:SHOWN]:
            self.stdout.write(f"{project.slug}: {one.sentence}")
        more = f", of which the first {SHOWN} are shown" if len(found) > SHOWN else ""
        self.stdout.write(f"{project.slug}: {len(found):,} rows differ{more}.")
        return len(found)

    def _progress(self, project: Project) -> Callable[[int, int], None]:
        def told(done: int, total: int) -> None:
            if self.stderr.isatty():
                self.stderr.write(f"\r{project.slug}: {done:,} of {total:,} comparisons", ending="")

        return told
