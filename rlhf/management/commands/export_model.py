"""manage.py export_model CHECKPOINT DIRECTORY: write a model as a plain Hugging Face folder."""

import shutil
import subprocess
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from rlhf import artefacts, environment, store, supervisor
from rlhf.contract.config import ConfigError, ExportConfig
from rlhf.contract.rundir import BadArtefact, Inputs, RunDirectory, RunSpec
from rlhf.models import Checkpoint


class Command(BaseCommand):
    help = "Write a checkpoint as a plain Hugging Face folder with a manifest; the button «Export» does the same."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("checkpoint", type=int, help="its number on the training page")
        parser.add_argument("directory", type=Path, help="where to write; must not be there yet")
        parser.add_argument("--dtype", default="bfloat16", help="bfloat16, float16 or float32")

    def handle(self, *args: object, checkpoint: int, directory: Path, dtype: str, **options: object) -> None:
        found = Checkpoint.objects.filter(pk=checkpoint).first()
        if found is None:
            raise CommandError(f"There is no checkpoint {checkpoint}.")
        if directory.exists():
            raise CommandError(f"{directory} is there already; nothing was written.")
        try:
            artefacts.verify(found)
            spec = RunSpec("export", ExportConfig(dtype=dtype), Inputs(base=str(artefacts.path_of(found))))
        except (BadArtefact, ConfigError, store.Unreachable) as problem:
            raise CommandError(str(problem)) from None
        with tempfile.TemporaryDirectory() as scratch:
            run = RunDirectory(scratch)
            run.write_spec(spec)
            done = subprocess.run(
                supervisor.command("export", run.path),
                cwd=settings.BASE_DIR,
                env=environment.for_training(),
                capture_output=True,
                check=False,
            )
            result = run.read_result()
            if done.returncode or result is None or result.status != "succeeded":
                raise CommandError(result.message if result else done.stderr.decode(errors="replace")[-1500:])
            directory.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(run.checkpoint, directory)
        self.stdout.write(f"{directory}: {result.metrics['megabytes']} MB of weights from {found}")
