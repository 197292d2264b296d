"""Plain text: how a file becomes documents, what is refused, and a pretraining run from the page to its order."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from annotate.jsonlines import IntakeError
from rlhf import broker, corpora, preflight, publishing, runs, supervisor
from rlhf.contract import config as configs
from rlhf.contract import rundir
from rlhf.contract.rundir import Result, RunDirectory
from rlhf.models import Checkpoint, Corpus, Run, Snapshot
from rlhf.preflight import RunOrder

LINES = [f"River {n} rises in spring." for n in range(100)]


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path.resolve()
    settings.CORPORA_DIR, settings.RUNS_DIR = settings.DATA_DIR / "corpora", settings.DATA_DIR / "runs"
    monkeypatch.setattr(broker.current_app, "send_task", lambda *args, **options: None)
    return settings.DATA_DIR


@pytest.fixture
def bring(project, tmp_path):
    """Bring in a file of the given name and content."""

    def bring(name, content, **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return corpora.bring_in(path, project=project, name="Rivers", by=None, **options)

    return bring


def documents_of(corpus):
    lines = (corpora.directory_of(corpus) / "text.jsonl").read_text().splitlines()
    return [json.loads(line)["text"] for line in lines]


def refusal(bring, name, content, **options):
    with pytest.raises(IntakeError) as caught:
        bring(name, content, **options)
    assert not Corpus.objects.exists()
    return str(caught.value)


def test_a_blank_line_ends_a_document_of_plain_text(bring):
    corpus = bring("rivers.txt", "\ufeffOne.\r\nStill one.\r\n\r\n \n" + "\n\n".join(LINES) + "\n")

    assert documents_of(corpus) == ["One.\nStill one.", *LINES]
    assert corpus.counts["documents"] == 101
    assert corpus.counts["characters"] == len("One.\nStill one.") + sum(map(len, LINES))


def test_a_line_of_json_is_a_document_whatever_else_it_holds(bring):
    corpus = bring("rivers.jsonl", "".join(json.dumps({"text": x, "url": "https://x"}) + "\n" for x in LINES))

    assert documents_of(corpus) == LINES


def test_the_same_text_is_the_same_corpus_and_each_document_stays_on_its_side(bring):
    first = bring("rivers.txt", "\n\n".join(LINES))
    again = bring("other.jsonl", "".join(json.dumps({"text": x}) + "\n" for x in LINES))
    more = bring("more.txt", "\n\n".join([*LINES, "One more."]), test_rate=corpora.TEST_RATE)

    assert first == again
    held_out, of_more = (
        {row["text"] for row in map(json.loads, path.read_text().splitlines()) if row["split"] == "test"}
        for path in (corpora.directory_of(one) / "text.jsonl" for one in (first, more))
    )
    assert 0 < len(held_out) < 15
    assert held_out == of_more - {"One more."}
    rundir.verify_manifest(corpora.directory_of(more), expected_sha256=more.sha256)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pdf", "text", "a.pdf: is neither .jsonl (an object with a «text» a line) nor .txt (a blank line between"),
        ("a.txt", "", "a.txt: holds no document."),
        ("a.txt", b"PK\x03\x04zip", "a.txt: is not plain text: it looks like a zip file or spreadsheet."),
        ("a.txt", b"caf\xe9", "a.txt:1: byte 0xE9 at column 4 is not UTF-8; save the file as UTF-8."),
        ("a.txt", "one\n\nnu\0ll", "a.txt:3: holds a NUL character at position 2; remove it."),
        ("a.txt", "Only one.", "a.txt: none of its 1 documents fell into the held-out share of 0.05."),
        ("a.jsonl", "{}\n", "a.jsonl:1: text: is missing."),
        ("a.jsonl", '{"text": 3}\n', "a.jsonl:1: text: expected text, got number 3."),
        ("a.jsonl", '{"text": " "}\n', "a.jsonl:1: text: is empty after trimming"),
    ],
)
def test_a_file_that_is_no_corpus_is_refused_by_line(bring, name, content, message):
    assert refusal(bring, name, content).startswith(message)


def test_the_command_says_what_it_kept_and_what_is_wrong(project, tmp_path, capsys):
    (tmp_path / "rivers.txt").write_text("\n\n".join(LINES))

    call_command("import_corpus", tmp_path / "rivers.txt", project="rivers", name="Rivers")
    assert "100 documents" in capsys.readouterr().out
    for wrong in ({"project": "seas"}, {"test_rate": 0.9}):
        with pytest.raises(CommandError, match=r"seas|test-rate: expected 0.001 to 0.5; got 0.9"):
            call_command("import_corpus", tmp_path / "rivers.txt", **({"project": "rivers", "name": "x"} | wrong))
    with pytest.raises(CommandError, match="is not a file"):
        call_command("import_corpus", tmp_path / "gone.txt", project="rivers", name="x")


def test_text_is_brought_in_on_the_page_and_pretraining_opens(client, mia, project, tmp_path):
    client.force_login(mia)
    path = tmp_path / "rivers.txt"
    path.write_text("\n\n".join(LINES))

    with path.open("rb") as file:
        sent = {"name": "Rivers", "test_rate": "0.1", "file": file}
        page = client.post(reverse("corpus_new", args=["rivers"]), sent, follow=True).content.decode()

    assert "Rivers is kept: 100 documents" in page
    assert reverse("run_new", args=["rivers", "pretrain"]) in page
    assert Corpus.objects.get().created_by == mia


def test_a_bad_file_is_refused_on_the_page(client, mia, project, tmp_path):
    client.force_login(mia)
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")

    with (tmp_path / "a.txt").open("rb") as file:
        refused = client.post(reverse("corpus_new", args=["rivers"]), {"name": "x", "test_rate": "0.1", "file": file})

    assert refused.status_code == 422
    assert "a.txt:1" in refused.content.decode()


@pytest.fixture
def started(client, mia, bring):
    """A pretraining run as the page queues it when nothing is changed but the steps."""
    bring("rivers.txt", "\n\n".join(LINES))
    client.force_login(mia)
    url = reverse("run_new", args=["rivers", "pretrain"])
    values = {bound.name: bound.value() for bound in client.get(url).context["form"]}
    client.post(url, as_sent(values) | {"steps": 30})
    return Run.objects.get()


def as_sent(values):
    """What a browser sends of a form's values: the id of a row, nothing for an empty field or a box without a tick."""
    return {name: getattr(x, "pk", x) for name, x in values.items() if x is not None and x is not False}


def test_a_pretraining_run_needs_no_snapshot_and_no_model(started, client):
    assert (started.stage, started.snapshot, started.base) == ("pretrain", None, None)
    assert client.get(reverse("run", args=[started.pk])).status_code == 200
    spec = supervisor._spec(started, seal="")
    assert (spec.inputs.snapshot, spec.inputs.base) == ("", "")
    assert rundir.verify_manifest(corpora.directory_of(started.corpus)) and spec.inputs.corpus


def test_what_a_pretraining_run_leaves_is_a_base_model_without_a_parent(started, client, settings):
    held = runs.claim(started.pk)
    directory = RunDirectory(settings.RUNS_DIR / str(started.pk) / "1")
    directory.checkpoint.mkdir(parents=True)
    (directory.checkpoint / "model.safetensors").write_bytes(b"weights")
    rundir.write_manifest(directory.checkpoint, {"kind": "base", "tokenizer_sha256": "t" * 64})

    metrics = {"perplexity": 12.0, "perplexity_before": 400.0}
    publishing.publish(started, held, directory, Result("succeeded", metrics=metrics, checkpoint_kind="base"))

    checkpoint = Checkpoint.objects.get()
    assert (checkpoint.kind, checkpoint.parent, checkpoint.run) == ("base", None, started)
    assert "held-out perplexity 400 → 12" in client.get(reverse("training", args=["rivers"])).content.decode()


def test_taking_a_model_further_needs_one(started, client):
    url = reverse("run_new", args=["rivers", "pretrain"])

    sent = as_sent(started.config) | {"corpus": started.corpus_id, "weights": "model", "profile": "one"}
    refused = client.post(url, sent)

    assert refused.status_code == 422
    assert "Choose the model to take further, or set weights to new." in refused.content.decode()


@pytest.mark.parametrize(
    ("config", "has_corpus", "problem"),
    [
        (
            {"lm_coef": 1.0, "lm_text": "corpus"},
            False,
            {"corpus": "No corpus is chosen, and lm_text says corpus: choose"},
        ),
        ({}, True, {"corpus": "is not read: set lm_text to corpus and lm_coef above 0, or choose none."}),
        ({"lm_coef": 1.0}, False, {"lm_coef": "the snapshot has no demonstrations to mix in. Set it to 0, or lm_text"}),
        ({"lm_coef": 1.0, "lm_text": "corpus"}, True, {}),
    ],
)
def test_the_text_that_ppo_shall_mix_in_must_be_there_and_be_read(project, bring, config, has_corpus, problem):
    counts = {"prompts": 4, "demonstrations": 0}
    snapshot = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts=counts)
    base, reward = (
        Checkpoint.objects.create(
            kind=kind, name=kind, path=kind, manifest_sha256="m", tokenizer_sha256="t", size_bytes=1
        )
        for kind in ("sft", "reward")
    )
    corpus = bring("rivers.txt", "\n\n".join(LINES)) if has_corpus else None

    order = RunOrder(project, "ppo", configs.parse("ppo", config), snapshot, base, reward, corpus=corpus)

    found = preflight.problems(order)
    assert found.keys() == problem.keys()
    assert all(found[name].startswith(start) for name, start in problem.items())
