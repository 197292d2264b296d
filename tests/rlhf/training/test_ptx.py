"""PPO-ptx: what is mixed into an update is the gradient of fine-tuning, or of pretraining, times its coefficient."""

import pytest
import torch
from transformers import PreTrainedModel
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from rlhf.contract import config as configs
from rlhf.contract.config import ConfigError
from rlhf.contract.records import DemonstrationRecord
from rlhf.training import ppo, ppo_setting, ppo_update, ptx, run, sft
from tests.rlhf.training.conftest import user
from tests.rlhf.training.test_ppo import QUICK, ppo_run

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("in_float32")]

DOCUMENTS = [f"The river carries {n} boats to the city." for n in range(10)]
DEMONSTRATIONS = [DemonstrationRecord(f"p{n}", user(f"Say {n}"), "yes" * n, "train") for n in range(1, 5)]
SMALL = {"max_prompt_tokens": 16, "max_new_tokens": 8, "lm_batch_size": 3, "max_grad_norm": 1000.0}


@pytest.fixture
def text(make_corpus):
    return make_corpus(train=DOCUMENTS, test=["Held out."])


@pytest.fixture
def set_up(make_run, make_snapshot, base, reward_base, text):
    """A PPO setting with other text to mix in."""

    def set_up(**config):
        torch.manual_seed(0)
        inputs = {"corpus": text} if config.get("lm_text") == "corpus" else {}
        directory = make_run(
            "ppo",
            snapshot=make_snapshot(demonstrations=DEMONSTRATIONS),
            base=base,
            reward_model=reward_base,
            config=QUICK | SMALL | {"lm_coef": 0.5} | config,
            **inputs,
        )
        return ppo_setting.set_up(run.RunContext(directory, directory.read_spec()))

    return set_up


def fine_tuning_loss(model: PreTrainedModel, shown):
    """The loss of the SFT stage: its rows, TRL's collator and the model's own cross-entropy."""
    batch = DataCollatorForLanguageModeling(pad_token_id=0)([sft.row_of(one) for one in shown])
    return model(**batch).loss


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_the_gradient_on_demonstrations_is_that_of_fine_tuning(set_up, lora_rank):
    setting = set_up(lora_rank=lora_rank)
    shown = [setting.language[i] for i in (0, 1, 3)]
    assert [len(one.completion) for one in shown] == [4, 7, 13]  # a mean over tokens is no mean over demonstrations

    ours, theirs = (
        torch.autograd.grad(value, list(setting.policy.trained.values()), allow_unused=True)
        for value in (
            ptx.loss(setting.policy.model, shown, pad_id=0, device=setting.device, use_bfloat16=False),
            fine_tuning_loss(setting.policy.model, shown),
        )
    )

    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-7, rtol=1e-4)


def test_the_gradient_on_a_corpus_is_that_of_pretraining(set_up):
    setting = set_up(lm_text="corpus", lora_rank=0)
    shown = [setting.language[i] for i in (0, 3)]
    ids = torch.tensor([one.prompt + one.completion for one in shown])

    value = ptx.loss(setting.policy.model, shown, pad_id=0, device=setting.device, use_bfloat16=False)

    weights = list(setting.policy.model.parameters())
    ours, theirs = (
        torch.autograd.grad(found, weights) for found in (value, setting.policy.model(input_ids=ids, labels=ids).loss)
    )
    assert ids.shape == (2, 24)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize("lm_text", ["demonstrations", "corpus"])
def test_an_update_without_advantages_is_a_step_on_the_text_times_the_coefficient(set_up, lm_text):
    setting = set_up(lora_rank=0, lm_text=lm_text)
    prompts = [setting.prompts[i % len(setting.prompts)] for i in range(8)]
    generated = setting.generate(prompts, torch.Generator().manual_seed(1))
    experience = ppo._experience(setting, prompts, generated, kl_coef=0.0)
    experience = experience._replace(advantages=torch.zeros_like(experience.advantages))
    before = {name: p.detach().clone() for name, p in setting.policy.trained.items()}
    drawn = ptx.draw(setting.language, 3, torch.Generator().manual_seed(7))
    value = fine_tuning_loss(setting.policy.model, drawn)
    wanted = torch.autograd.grad(value, list(setting.policy.trained.values()))

    optimiser = torch.optim.SGD(list(setting.policy.trained.values()), lr=1.0)
    losses = ppo_update._update(setting, optimiser, experience, torch.arange(8), torch.Generator().manual_seed(7), 1)

    assert losses["lm_loss"] == pytest.approx(value.item(), rel=1e-5)
    for (name, p), gradient in zip(setting.policy.trained.items(), wanted, strict=True):
        torch.testing.assert_close(before[name] - p.detach(), 0.5 * gradient, atol=1e-6, rtol=1e-3, msg=name)


def test_a_run_mixes_in_a_corpus_and_says_its_loss(make_run, make_snapshot, base, reward_base, text):
    config = QUICK | SMALL | {"lm_coef": 1.0, "lm_text": "corpus", "steps": 1}
    directory = make_run(
        "ppo", snapshot=make_snapshot(), base=base, reward_model=reward_base, corpus=text, config=config
    )

    assert run.execute("ppo", ppo.train, directory).status == "succeeded"

    assert '"lm_loss": ' in directory.metrics.read_text()


def test_a_corpus_that_is_missing_is_refused_by_field(make_run, make_snapshot, base, reward_base):
    config = QUICK | {"lm_coef": 1.0, "lm_text": "corpus"}

    result = run.execute("ppo", ppo.train, ppo_run(make_run, make_snapshot, base, reward_base, config))

    assert (result.status, result.reason) == ("failed", "bad_config")
    assert result.message.startswith("lm_text: corpus needs one, and none is given.")


def test_a_corpus_without_a_coefficient_is_refused_before_anything_is_loaded():
    with pytest.raises(ConfigError, match="lm_text: corpus is not read while lm_coef is 0. Raise lm_coef."):
        configs.parse("ppo", {"lm_text": "corpus"})


def test_a_corpus_too_short_for_a_block_names_the_fields_to_lower(make_run, make_snapshot, base, reward_base, text):
    config = QUICK | {"lm_coef": 1.0, "lm_text": "corpus", "max_prompt_tokens": 4000}
    directory = make_run(
        "ppo", snapshot=make_snapshot(), base=base, reward_model=reward_base, corpus=text, config=config
    )

    result = run.execute("ppo", ppo.train, directory)

    assert result.reason == "empty_data"
    assert "or lower max_prompt_tokens + max_new_tokens." in result.message
