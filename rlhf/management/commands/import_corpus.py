"""manage.py import_corpus FILE --project SLUG --name NAME: bring in plain text to learn language from."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotate.jsonlines import IntakeError
from annotate.models import Project
from rlhf import corpora, store


class Command(BaseCommand):
    help = "Bring in a corpus of plain text for a project: for pretraining, and for PPO to hold on to language."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help=".jsonl (an object with a «text» a line) or .txt (blank lines)")
        parser.add_argument("--project", required=True, help="the project's slug")
        parser.add_argument("--name", required=True, help="what people choose it by")
        parser.add_argument("--test-rate", type=float, default=corpora.TEST_RATE, help="share held out, 0.001 to 0.5")

    def handle(self, *args: object, file: Path, project: str, name: str, test_rate: float, **options: object) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"There is no project {project!r}.")
        if not 0.001 <= test_rate <= 0.5:
            raise CommandError(f"--test-rate: expected 0.001 to 0.5; got {test_rate:g}.")
        if not file.is_file():
            raise CommandError(f"{file} is not a file.")
        try:
            corpus = corpora.bring_in(file, project=found, name=name, by=None, test_rate=test_rate)
        except (IntakeError, store.Unreachable) as refusal:
            raise CommandError(str(refusal)) from None
        counts = corpus.counts
        self.stdout.write(
            f"{corpus} is ready: {counts['documents']} documents, {counts['documents_test']} of them held out"
        )
