"""Bring in plain text to learn language from: the only writer of Corpus.

A corpus is a directory named by the sha256 of its manifest: text.jsonl, a document a line, each in the training part or
held out by a hash of its text, so the same document never stands on both sides. The same text and share give the same
bytes, the same directory and the same row. A file is brought in whole or not at all.
"""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User

from annotate import jsonlines
from annotate.jsonlines import Faults, FieldError
from annotate.models import Project
from rlhf import store
from rlhf.contract import records, rundir
from rlhf.contract.records import DocumentRecord
from rlhf.models import Corpus

TEST_RATE = 0.05
MAX_DOCUMENT_CHARS = jsonlines.MAX_LINE_BYTES


def bring_in(
    path: Path,
    *,
    project: Project,
    name: str,
    by: User | None,
    file_name: str = "",
    test_rate: float = TEST_RATE,
) -> Corpus:
    """Keep the documents of a file as a corpus of a project and return it; the same again returns the row there is.

    `file_name` says what the file is called where it lies under another name. Raises IntakeError.
    """
    known_as = Path(file_name or path.name)
    faults = Faults(known_as.name)
    settings.CORPORA_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.CORPORA_DIR) as work:
        directory = Path(work) / "corpus"
        directory.mkdir()
        counts: Counter[str] = Counter()
        documents = _documents(path, known_as.suffix.lower(), faults)
        records.write_jsonl(directory / "text.jsonl", _split(documents, counts, test_rate=test_rate))
        _refuse_if_useless(faults, counts, test_rate=test_rate)
        kept = {key: counts[key] for key in ("documents", "documents_test", "characters")}
        sha256 = rundir.write_manifest(directory, {"test_rate": test_rate, "counts": kept})
        store.settle(directory, settings.CORPORA_DIR / sha256)
    corpus, _ = Corpus.objects.get_or_create(
        project=project, sha256=sha256, defaults={"name": name, "counts": kept, "created_by": by}
    )
    return corpus


def directory_of(corpus: Corpus) -> Path:
    """Return a corpus's directory (text.jsonl, manifest.json). Raises BadArtefact and store.Unreachable."""
    return store.fetch(settings.CORPORA_DIR / corpus.sha256, manifest_sha256=corpus.sha256)


def _documents(path: Path, suffix: str, faults: Faults) -> Iterator[str]:
    if suffix in (".jsonl", ".ndjson"):
        return _of_jsonl(path, faults)
    if suffix == ".txt":
        return _of_text(path, faults)
    faults.add(0, "", "is neither .jsonl (an object with a «text» a line) nor .txt (a blank line between documents).")
    return iter(())


def _of_jsonl(path: Path, faults: Faults) -> Iterator[str]:
    """Yield the «text» of each line; other fields of a line are left out."""
    for number, value in jsonlines.objects(path, faults):
        try:
            if "text" not in value:
                raise FieldError("text", "is missing.")
            yield jsonlines.text(value["text"], "text", max_chars=MAX_DOCUMENT_CHARS)
        except FieldError as fault:
            faults.add(number, fault.field, fault.message)


def _of_text(path: Path, faults: Faults) -> Iterator[str]:
    """Yield what stands between blank lines."""
    if kind := jsonlines.signature(path):
        faults.add(0, "", f"is not plain text: it looks like {kind}. Save it as UTF-8 text.")
        return
    gathered: list[str] = []
    with path.open("rb") as file:
        for number, raw in enumerate(iter(lambda: file.readline(jsonlines.MAX_LINE_BYTES), b""), start=1):
            try:
                line = _line(raw, is_first=number == 1)
            except FieldError as fault:
                faults.add(number, "", fault.message)
                continue
            if line.strip():
                gathered.append(line)
            elif gathered:
                yield "\n".join(gathered)
                gathered = []
    if gathered:
        yield "\n".join(gathered)


def _line(raw: bytes, *, is_first: bool) -> str:
    try:
        line = raw.decode("utf-8-sig" if is_first else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as problem:
        where = f"byte 0x{raw[problem.start]:02X} at column {problem.start + 1}"
        raise FieldError("", f"{where} is not UTF-8; save the file as UTF-8.") from None
    jsonlines.storable(line, "")
    return line


def _split(documents: Iterator[str], counts: Counter[str], *, test_rate: float) -> Iterator[DocumentRecord]:
    for text in documents:
        place = int.from_bytes(hashlib.sha256(f"held out {text}".encode()).digest()[:8], "big") / 2**64
        is_test = place < test_rate
        counts.update(documents=1, documents_test=int(is_test), characters=len(text))
        yield DocumentRecord(text, "test" if is_test else "train")


def _refuse_if_useless(faults: Faults, counts: Counter[str], *, test_rate: float) -> None:
    """Raise IntakeError for a file with faults, without documents, or with all of them on one side of the split."""
    documents, held_out = counts["documents"], counts["documents_test"]
    if not faults.count and not documents:
        faults.add(0, "", "holds no document.")
    if not faults.count and held_out in (0, documents):
        which = "none" if not held_out else "each"
        faults.add(
            0,
            "",
            f"{which} of its {documents:,} documents fell into the held-out share of {test_rate:.3g}. Bring in more "
            f"documents or {'raise' if not held_out else 'lower'} the share.",
        )
    faults.raise_if_any()
