"""manage.py export_pay PROJECT FILE"""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from annotate.crowd import pay
from annotate.management.projects import project_named


class Command(BaseCommand):
    help = "Write a project's payment lines as CSV and print the totals to reconcile them with."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("file", type=Path)

    def handle(self, *args: object, project: str, file: Path, **options: object) -> None:
        report = pay.report(project_named(project))
        with file.open("w", encoding="utf-8", newline="") as opened:
            pay.write_csv(report, opened)
        self.stdout.write(f"{file}: {report.sentence}")
