"""manage.py verify_audit [SEAL …]: follow the chain of sums over the audit log."""

import json
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from annotate import sealing
from rlhf.contract.rundir import MANIFEST
from rlhf.models import Checkpoint


class Command(BaseCommand):
    help = "Check that no sealed entry of the audit log was changed or removed, by the seals and by copies of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("seals", nargs="*", help="copies of seals that were kept elsewhere, as NUMBER:SHA256")

    def handle(self, *args: object, seals: list[str], **options: object) -> None:
        if wrong := [one for one in seals if not sealing.is_seal(one)]:
            raise CommandError(f"{wrong[0]}: expected NUMBER:SHA256, as this command and a backup's manifest show it.")
        copies = {f"the seal that you gave ({one[:16]}…)": one for one in seals} | _of_checkpoints()
        found = sealing.verify(copies)
        if found.problem:
            raise CommandError(f"{found.problem} {found.sealed:,} entries before it are as they were sealed.")
        self.stdout.write(
            f"{found.sealed:,} entries are as they were sealed, {found.waiting:,} wait for their seal, "
            f"{len(copies):,} copies fit. The newest seal, to be kept elsewhere: {sealing.head() or 'none yet'}"
        )


def _of_checkpoints() -> dict[str, str]:
    """Return the seals that stand in the manifests of the checkpoints that lie here, by checkpoint."""
    found = {}
    for checkpoint in Checkpoint.objects.order_by("pk"):
        manifest = settings.DATA_DIR / checkpoint.path / MANIFEST
        if manifest.is_file():
            copy = json.loads(manifest.read_text(encoding="utf-8")).get("audit_seal", "")
            if sealing.is_seal(copy):
                found[f"the manifest of checkpoint {checkpoint.pk}"] = copy
    return found
