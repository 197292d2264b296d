"""Each prompt read once for all its completions, and the frozen layers once for all epochs: the same scores."""

import pytest
import torch

from rlhf.training import models, rankings, reward, run, scoring, trunk, trunk_cache
from rlhf.training.trunk_cache import Texts
from tests.rlhf.training.conftest import make_model, pair

pytestmark = pytest.mark.torch

TEXTS = [Texts([2, 70, 71, 1, 3], [[100, 1], [101, 102, 103, 1], [104, 1]]), Texts([2, 80, 3], [[105, 106, 1]])]


def laid_out(texts=TEXTS):
    return rankings.laid_out([one.prompt for one in texts], [one.completions for one in texts], pad_id=0)


@pytest.fixture
def model(base):
    return models.new_reward_model(base, seed=3)


def alone(model):
    """The score of each text by itself, prompt and completion in one sequence."""
    whole = [one.prompt + said for one in TEXTS for said in one.completions]
    return scoring.score(model, whole, pad_id=0, batch_size=1)


def test_a_prompt_read_once_gives_the_scores_of_whole_texts(model):
    with torch.no_grad():
        found = rankings.scores(model, laid_out())

    torch.testing.assert_close(found, alone(model), atol=1e-6, rtol=1e-5)


def test_a_prompt_read_once_gives_the_gradient_of_whole_texts(model):
    """The prompt learns from each of its completions."""

    def gradient(scored):
        model.zero_grad()
        scored.sum().backward()
        return [p.grad.clone() for p in model.parameters()]

    whole = [one.prompt + said for one in TEXTS for said in one.completions]
    apart = gradient(models.scores_of(model, *models.pad_right(whole, pad_id=0)))

    for found, wanted in zip(gradient(rankings.scores(model, laid_out())), apart, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-4)


def test_the_kept_states_give_the_same_scores_in_any_order(model, tmp_path):
    options = {"first_layer": 1, "pad_id": 0, "use_bfloat16": False, "on_batch": lambda: None}
    cache = trunk_cache.filled(tmp_path, model, TEXTS * 2, **options)

    for texts in (TEXTS, TEXTS[::-1]):
        with torch.no_grad():
            kept = rankings.scores(model, laid_out(texts), lower=cache.states(texts), first_layer=1)
            wanted = rankings.scores(model, laid_out(texts))
        torch.testing.assert_close(kept, wanted, atol=1e-6, rtol=1e-5)


def test_a_completion_that_is_read_often_is_worked_out_once_and_one_that_is_read_once_is_not_kept(model, tmp_path):
    options = {"first_layer": 1, "pad_id": 0, "use_bfloat16": False, "on_batch": lambda: None}

    assert trunk_cache.filled(tmp_path, model, TEXTS, **options) is None
    assert (
        trunk_cache.filled(tmp_path, model, TEXTS * 3, **options).count == 19
    )  # tokens: 5 + 3 of prompts, 11 of completions


@pytest.mark.parametrize(("first_layer", "free"), [(0, 10**9), (1, 100)])
def test_nothing_is_kept_where_no_layer_is_frozen_or_the_disk_is_full(model, tmp_path, monkeypatch, first_layer, free):
    monkeypatch.setattr(trunk_cache.shutil, "disk_usage", lambda directory: type("Disk", (), {"free": free}))
    options = {"first_layer": first_layer, "pad_id": 0, "use_bfloat16": False, "on_batch": lambda: None}

    assert trunk_cache.filled(tmp_path, model, TEXTS, **options) is None


def test_a_cached_trunk_trains_the_same_reward_model(make_snapshot, make_run, base, monkeypatch, in_float32, capsys):
    pairs = [pair(n, chosen=f"yes {n}", rejected=f"no {n}", split="test" if n % 4 == 0 else "train") for n in range(12)]
    snapshot, config = make_snapshot(pairs=pairs), {"lora_rank": 4, "learning_rate": 1e-2, "epochs": 3}
    kept, anew = (make_run("reward", snapshot=snapshot, base=base, config=config) for _ in "ab")

    first = run.execute("reward", reward.train, kept).metrics
    monkeypatch.setattr(trunk_cache, "MOST_OF_DISK", 0.0)
    second = run.execute("reward", reward.train, anew).metrics

    assert capsys.readouterr().out.count("are kept on disk") == 1
    assert first["score_std"] > 0
    assert first["score_mean"] == pytest.approx(second["score_mean"], abs=1e-4)
    assert list(kept.path.glob("tmp*")) == []


@pytest.mark.parametrize(("share", "layer"), [(0.0, 0), (0.5, 1), (0.6, 1), (0.95, 3)])
def test_a_share_of_the_layers_stays_without_adapters(share, layer):
    model = make_model(layers=4 if share == 0.95 else 2)

    assert trunk.first_trained_layer(model, frozen_share=share) == layer


def test_a_model_that_cannot_be_read_in_two_parts_is_refused():
    """As where embeddings are scaled inside the model: the upper part would scale what enters it again."""
    model = make_model()
    model.model.register_forward_pre_hook(scaled, with_kwargs=True)

    with pytest.raises(run.StageError, match="Set frozen_share to 0"):
        trunk.first_trained_layer(model, frozen_share=0.5)


def scaled(module, args, options):
    embeds = options.pop("inputs_embeds", None)
    embeds = module.embed_tokens(options.pop("input_ids")) if embeds is None else embeds
    return args, options | {"inputs_embeds": 3 * embeds}
