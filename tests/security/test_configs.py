"""Configs that cannot run (B52-B62 of the bad inputs), by API and form: refused by field, and nothing is queued."""

import dataclasses
import json

import pytest
from django.urls import reverse

from annotate import tokens
from rlhf import broker
from rlhf.contract import config as configs
from rlhf.models import Checkpoint, Run, Snapshot
from tests.rlhf.test_training_pages import filled_form

COUNTS = {"prompts": 40, "prompts_test": 8, "demonstrations": 30, "pairs_train": 30, "pairs_test": 6}
COUNTS |= {"rankings": 40, "pairs": 36, "ties": 0, "excluded": {}, "comparisons": 40, "rulings": 0, "ranked_pairs": 36}
OURS = ["output_dir", "logging_dir", "resume_from_checkpoint", "hub_token", "push_to_hub", "report_to"]
OURS += ["trust_remote_code", "deepspeed", "model_name_or_path", "__class__", "inputs.base"]


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    monkeypatch.setattr(broker.current_app, "send_task", lambda name, args, **options: None)


@pytest.fixture
def world(project):
    """What every stage needs."""
    snapshot = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts=COUNTS)
    facts = {"manifest_sha256": "m" * 64, "tokenizer_sha256": "t" * 64, "size_bytes": 1}
    made = {
        kind: Checkpoint.objects.create(kind=kind, name=kind, path=f"models/{kind}", **facts)
        for kind in ("base", "sft", "reward")
    }
    return {"project": project, "snapshot": snapshot, **made}


@pytest.fixture
def ask(client, mia, world):
    headers = {"Authorization": f"Bearer {tokens.create(mia, label='t', days=1)}"}
    path = f"/api/v1/projects/{world['project'].slug}/runs/"

    def send(stage, config, *, raw=None, **changes):
        body = {"stage": stage, "snapshot": world["snapshot"].pk, "base": world["base"].pk, "config": config} | changes
        answer = client.post(path, raw or json.dumps(body), content_type="application/json", headers=headers)
        return answer.status_code, [one["field"] for one in answer.json().get("errors", [])], answer.content.decode()

    return send


def numbers(stage):
    """The number fields of a stage with their bounds."""
    for one in dataclasses.fields(configs.STAGES[stage]):
        if one.type in (int, float, "int", "float"):
            yield one


FIELDS = [(stage, one.name) for stage in configs.STAGES for one in numbers(stage)]


@pytest.mark.parametrize("stage", configs.STAGES)
def test_b52_a_key_that_is_none_is_refused_with_what_was_meant(ask, stage):
    first = dataclasses.fields(configs.STAGES[stage])[0].name
    for key in (
        first + "x",
        first.upper(),
        f"training.{first}",
        "per_device_train_batch_size",
        "",
        " ",
        "a" * 5000,
        "名",
    ):
        status, fields, said = ask(stage, {key: 1})
        assert (status, len(fields)) == (400, 1), key
        assert fields[0].startswith("config."), key
        assert len(said) < 6000
    assert "did you mean" in ask(stage, {first + "x": 1})[2].lower()
    assert not Run.objects.exists()


@pytest.mark.parametrize(("stage", "name"), FIELDS)
def test_b53_b55_a_number_out_of_bounds_or_of_another_kind_is_refused_by_field(ask, stage, name):
    for value in (-1, -1e-9, 1e30, 10**30, "1e-5", "", None, [1], {"a": 1}):
        status, fields, said = ask(stage, {name: value})
        if name == "seed" and value == 10**30:
            assert status == 400
            continue
        assert (status, fields) == (400, [f"config.{name}"]) or (status == 400 and value == 10**30), (value, said)
    for value in ("NaN", "Infinity", "-Infinity", "1e999"):
        raw = json.dumps({"stage": stage, "config": {name: "?"}}).replace('"?"', value)
        assert ask(stage, {}, raw=raw)[0] == 400, value
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("stage", "config", "field"),
    [
        ("ppo", {"temperature": 0}, "temperature"),
        ("sample", {"temperature": 0}, "temperature"),
        ("sample", {"top_p": 1.5}, "top_p"),
        ("sample", {"top_p": 0}, "top_p"),
        ("reward", {"max_length": 0}, "max_length"),
        ("sft", {"max_length": 0}, "max_length"),
        ("ppo", {"clip_range": 0}, "clip_range"),
        ("ppo", {"kl_coef": -0.1}, "kl_coef"),
        ("ppo", {"batch_size": 0}, "batch_size"),
        ("ppo", {"steps": 0}, "steps"),
        ("ppo", {"max_new_tokens": 0}, "max_new_tokens"),
        ("sft", {"learning_rate": 0}, "learning_rate"),
        ("reward", {"learning_rate": 0}, "learning_rate"),
    ],
)
def test_b55_a_setting_without_sense_is_refused_with_its_bound(ask, stage, config, field):
    if field not in {one.name for one in dataclasses.fields(configs.STAGES[stage])}:
        pytest.fail(f"{stage} has no {field} any more: name the field that took its place")

    status, fields, said = ask(stage, config)

    assert (status, fields) == (400, [f"config.{field}"])
    assert any(digit in said for digit in "0123456789")
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("counts", "stage", "said"),
    [
        ({"pairs_train": 0, "pairs_test": 0}, "reward", "0 training pairs"),
        ({"pairs_train": 19}, "dpo", "19 training pairs"),
        ({"pairs_test": 0}, "reward", "no held-out pairs"),
        ({"demonstrations": 0}, "sft", "no demonstrations"),
        ({"prompts": 0}, "sample", "no prompts"),
    ],
)
def test_b56_data_that_is_not_there_is_refused_before_anything_is_queued(ask, world, counts, stage, said):
    Snapshot.objects.filter(pk=world["snapshot"].pk).update(counts=COUNTS | counts)

    status, fields, body = ask(stage, {})

    assert (status, fields) == (400, ["snapshot"])
    assert said in body
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "value", ["../../etc/passwd", "base", 0, -1, 10**20, 1.5, True, [1], {"pk": 1}, "1 OR 1=1", "\u0000"]
)
@pytest.mark.parametrize("name", ["base", "reward_model", "baseline", "watcher", "snapshot", "corpus"])
def test_b58_a_model_is_chosen_by_its_number_and_by_nothing_else(ask, name, value):
    status, fields, _ = ask("ppo", {}, **{name: value})

    assert status == 400
    assert fields[0].startswith(name) or fields == [""]
    assert not Run.objects.exists()


@pytest.mark.parametrize(("kind", "tokenizer"), [("sft", "t"), ("base", "t"), ("reward", "x")])
def test_b58_b59_a_reward_model_that_is_none_or_reads_otherwise_is_refused(ask, world, kind, tokenizer):
    facts = {"manifest_sha256": "m" * 64, "size_bytes": 1, "path": "models/odd"}
    judge = Checkpoint.objects.create(kind=kind, name="odd", tokenizer_sha256=tokenizer * 64, **facts)

    status, fields, _ = ask("ppo", {}, reward_model=judge.pk)

    assert (status, fields) == (400, ["reward_model"])


def test_b58_a_reward_model_is_nothing_to_tune(ask, world):
    status, fields, _ = ask("ppo", {}, base=world["reward"].pk, reward_model=world["reward"].pk)

    assert (status, fields) == (400, ["base"])


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps({"stage": "sft", "config": {f"k{n}": n for n in range(10_000)}}),
        json.dumps({"stage": "sft", "config": {"x": "y" * 70_000}}),
        '{"stage": "sft", "config": ' + '{"a": ' * 100 + "1" + "}" * 100 + "}",
        '{"stage": "sft", "config": ' + '{"a": ' * 100_000 + "1" + "}" * 100_000 + "}",
        '{"stage": "sft", "config": {"seed": 1, "seed": 2}}',
        '{"stage": "sft", "stage": "ppo", "config": {}}',
        "stage: sft\nconfig: &a [*a]\n",
        '{"stage": "sft", "config": {1: 2}}',
        '{"stage": "sft", "config": [["seed", 1]]}',
        '{"stage": "sft", "config": "seed=1"}',
        '{"stage": "sft", "config": null}',
        '{"stage": "sft", "config": {"seed": 1e5}}',
        "",
        "null",
        "[]",
    ],
    ids=range(15),
)
def test_b61_what_is_too_much_or_no_json_object_is_refused(ask, raw):
    status, fields, said = ask("sft", {}, raw=raw or " ")

    assert status in (400, 413)
    assert fields
    assert len(said) < 20_000
    assert not Run.objects.exists()


@pytest.mark.parametrize("key", OURS)
@pytest.mark.parametrize("stage", ["sft", "reward", "ppo"])
def test_b62_what_belongs_to_the_server_is_no_setting(ask, stage, key):
    assert ask(stage, {key: "/tmp/x"})[:2] == (400, [f"config.{key}"])
    assert not Run.objects.exists()


@pytest.fixture
def press(client, mia, world):
    client.force_login(mia)

    def send(stage, **changes):
        sent = filled_form(client, world["project"], stage, **changes)
        return client.post(reverse("run_new", args=[world["project"].slug, stage]), sent)

    return send


@pytest.mark.parametrize(("stage", "name"), [one for one in FIELDS if one[0] in ("sft", "reward", "ppo", "sample")])
def test_the_form_says_it_beside_the_field(press, stage, name):
    for value in ("-1", "1e30", "NaN", "9" * 400):
        page = press(stage, **{name: value})
        assert page.status_code == 422, value
        assert page.context["form"].errors, value
        assert set(page.context["form"].errors) <= {name, "__all__"}, (value, page.context["form"].errors)
    assert not Run.objects.exists()


@pytest.mark.parametrize("key", OURS)
def test_the_form_has_no_field_for_what_belongs_to_the_server(press, key):
    made = press("sft", **{key: "/tmp/x"})

    assert made.status_code == 302
    assert key not in Run.objects.get().config
