"""A chain of sums over the audit log, by which a change is seen that the database did not refuse: writes AuditSeal.

Entries are sealed within a minute, before a backup and before a run starts; backups and checkpoints carry the newest
seal as it was then («number:sha256»). Whoever may do anything in the database can forge the chain, not those copies.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction

from annotate.models import AuditEntry, AuditSeal

BATCH = 1_000
FIRST = "0" * 64
"""What stands before the first seal."""


@dataclass(frozen=True)
class Verdict:
    """What the chain says: how many entries it holds, how many wait for their seal, and what is wrong first."""

    sealed: int
    waiting: int
    problem: str = ""


def seal() -> str:
    """Seal what is not sealed yet and return the newest seal, «number:sha256»; "" where the log is empty."""
    while True:
        waiting = list(AuditEntry.objects.filter(seal=None).order_by("pk")[:BATCH])
        if not waiting or not _add(waiting):
            return head()


def head() -> str:
    """Return the newest seal, «number:sha256»; "" before the first."""
    newest = AuditSeal.objects.order_by("-number").first()
    return str(newest) if newest else ""


def verify(copies: Mapping[str, str] | None = None) -> Verdict:
    """Follow the chain from its first link, and hold it against copies of seals by the names of where they stood."""
    number, before, known = 0, FIRST, {}
    for link in AuditSeal.objects.select_related("entry").order_by("number").iterator(BATCH):
        number += 1
        if link.number != number:
            return _broken(number - 1, f"Seal {number} is missing: it was deleted, and its entry with it.")
        before = _sum(before, link.entry)
        if link.sha256 != before:
            what = f"entry {link.entry_id} ({link.entry.kind}, {link.entry.subject})"
            return _broken(number - 1, f"Seal {number} does not fit {what}: one of the two was changed.")
        known[number] = before
    return Verdict(number, _waiting(), _missing(copies or {}, known))


def is_seal(text: str) -> bool:
    """Say whether a text has the form «number:sha256»."""
    number, _, digest = text.partition(":")
    return number.isdecimal() and len(digest) == 64


def _add(entries: Iterable[AuditEntry]) -> bool:
    """Seal some entries; False where somebody else has just done it."""
    try:
        with transaction.atomic():
            newest = AuditSeal.objects.order_by("-number").first()
            last, before = (newest.number, newest.sha256) if newest else (0, FIRST)
            links = []
            for number, entry in enumerate(entries, start=last + 1):
                before = _sum(before, entry)
                links.append(AuditSeal(number=number, entry=entry, sha256=before))
            AuditSeal.objects.bulk_create(links)
            return True
    except IntegrityError:
        return False


def _sum(before: str, entry: AuditEntry) -> str:
    """Return the sha256, in hex, of the seal before and an entry as the database gives it back."""
    said = [before, entry.pk, entry.at.isoformat(), entry.by_id, entry.kind, entry.subject, entry.before, entry.after]
    return hashlib.sha256(json.dumps(said, sort_keys=True, cls=DjangoJSONEncoder).encode()).hexdigest()


def _missing(copies: Mapping[str, str], known: Mapping[int, str]) -> str:
    for where, copy in copies.items():
        number, _, digest = copy.partition(":")
        if known.get(int(number)) != digest:
            return f"Seal {number} is not the one that stands in {where}: the log was cut off there or written anew."
    return ""


def _broken(sealed: int, problem: str) -> Verdict:
    return Verdict(sealed, _waiting(), problem)


def _waiting() -> int:
    return AuditEntry.objects.filter(seal=None).count()
