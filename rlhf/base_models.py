"""Bring in a base model: a process of its own (torch lives there) makes the checkpoint, then it is recorded."""

import os
import subprocess
import sys
from collections.abc import Callable

from django.conf import settings
from django.utils.text import slugify

from rlhf import artefacts, environment
from rlhf.models import Checkpoint

LAST_LINES = 15
PREFIX = "base:"


class NotMade(Exception):
    """The model could not be brought in; the message says why."""


def bring_in(source: str, *, name: str, tell: Callable[[str], None]) -> Checkpoint:
    """Make a base model from `source` (smollm2, tiny or a directory), or find it made, and record it.

    Raises NotMade, or BadArtefact where a directory of that name does not verify.
    """
    directory = settings.MODELS_DIR / slugify(name)
    command = [sys.executable, "-m", "rlhf.training.base", source, str(directory)]
    said: list[str] = []
    with subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env=os.environ | environment.for_training(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout:
            said.append(line.rstrip())
            if line.startswith(PREFIX):
                tell(said[-1])
    if process.returncode:
        raise NotMade("\n".join(said[-LAST_LINES:]))
    return artefacts.register_base(directory, name=name)
