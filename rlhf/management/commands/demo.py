"""manage.py demo: the whole loop on a real model, then the site with logins to look around."""

import json
import secrets
import subprocess
import sys
from argparse import ArgumentParser

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from annotate import people
from annotate.models import Role
from rlhf.base_models import NotMade
from rlhf.contract.rundir import BadArtefact
from rlhf.demo.job import Job, RunFailed
from rlhf.demo.plans import PLANS
from rlhf.demo.worker import WorkerGone, running

ADDRESS = "127.0.0.1:8000"


class Command(BaseCommand):
    help = "Walk through the whole loop with simulated annotators, then serve the site."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", choices=sorted(PLANS), default="smollm2")
        parser.add_argument("--once", action="store_true", help="stop after the job")

    def handle(self, *args: object, model: str, once: bool, **options: object) -> None:
        logins = {role: self._account(role) for role in Role}
        engineer = logins[Role.ML_ENGINEER][0]
        log = settings.DATA_DIR / "demo-worker.log"
        self._tell(f"the worker's log is {log}")
        with running(log) as worker:
            try:
                figures = Job(PLANS[model], engineer=engineer, worker=worker, tell=self._tell).run()
            except (NotMade, RunFailed, WorkerGone, BadArtefact) as problem:
                raise CommandError(f"the demo stopped: {problem}") from None
            if not once:
                self._serve(logins, figures)
        self.stdout.write(json.dumps(figures))

    def _account(self, role: Role) -> tuple[User, str]:
        """Return an account for a role, new or with a new password, and the password."""
        password = secrets.token_urlsafe(12)
        name = f"demo-{role.value.replace('_', '-')}"
        if known := User.objects.filter(username=name).first():
            known.set_password(password)
            known.save(update_fields=["password"])
            return known, password
        return people.create_account(name, password=password, roles=[role]), password

    def _serve(self, logins: dict[Role, tuple[User, str]], figures: dict[str, object]) -> None:
        """Serve the site until the terminal says stop."""
        self.stdout.write(json.dumps(figures))
        self.stdout.write(f"\nConcord is at http://{ADDRESS}/   (Ctrl+C stops it)\n")
        for role, (user, password) in logins.items():
            self.stdout.write(f"  {role.label:12} {user.username:18} {password}")
        self.stdout.write(
            "\nOpen first: as annotator, the work that waits (policy against SFT, blind); as reviewer, the project's "
            "consistency report; as ML engineer, the project's training page and its PPO run.\n"
        )
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "config.wsgi",
            "--bind",
            ADDRESS,
            "--workers",
            "2",
            "--threads",
            "4",
        ]
        try:
            subprocess.run([*command, "--log-level", "warning"], cwd=settings.BASE_DIR, check=False)
        except KeyboardInterrupt:
            self._tell("stopped")

    def _tell(self, line: str) -> None:
        self.stderr.write(line)
        self.stderr.flush()
