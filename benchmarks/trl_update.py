"""Write what TRL 1.12.0's PPOTrainer makes of one rollout, for tests/rlhf/training/test_trl_update.py.

    python -m benchmarks.trl_update

TRL 1.12.0 comes from var/bench (training_place.py). A policy, another policy as its reference and a reward model are
tiny random Llamas; the value model begins as the reward model. The rollout is fixed: left-padded prompts with random
responses, all of full length (`whole`) or with ends in between (`ended`). The trainer runs its own loop over it:
KL to the reference, GAE, whitening, four epochs of one mini-batch with clipping. Stored are the weights before and
after, the tokens, and the advantages.
"""

import copy
import json
import sys
import tempfile
from collections.abc import Callable

import torch
from datasets import Dataset
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast

from benchmarks import training_place
from tests.rlhf.training.conftest import make_tokenizer

FILE = training_place.ROOT / "tests" / "rlhf" / "training" / "trl_update.safetensors"
PAD, END = 0, 1
SETTING = {
    "epochs": 4,
    "learning_rate": 3e-4,
    "kl_coef": 0.3,
    "gae_lambda": 0.9,
    "value_coef": 0.2,
    "clip_range": 0.2,
    "temperature": 1.0,
}
ROWS, WIDTH, LENGTH = 8, 5, 6


def main() -> None:
    trl = training_place.trl_1_12(training_place.PLACE)
    sys.path.insert(0, str(trl))
    from trl.experimental.ppo import ppo_trainer  # noqa: PLC0415  another version than ours, on purpose

    kept: dict[str, Tensor] = {}
    for case, has_ends in (("whole", False), ("ended", True)):
        models = _models()
        if case == "whole":
            kept |= {f"{name}.{key}": value.clone() for name, m in models.items() for key, value in _weights(m)}
        tokens = _rollout(has_ends=has_ends)
        advantages = _run(ppo_trainer, models, tokens)
        kept |= {f"{case}.tokens": tokens, f"{case}.advantages": advantages}
        for name in ("policy", "value"):
            kept |= {f"{case}.{name}.{key}": value.clone() for key, value in _weights(models[name])}
    facts = {"made_by": "python -m benchmarks.trl_update", "trl": "1.12.0", "torch": torch.__version__}
    save_file(kept, FILE, metadata={**facts, "setting": json.dumps(SETTING), "width": str(WIDTH)})
    print(f"wrote {FILE} ({FILE.stat().st_size / 1024:.0f} kB)")


def _models() -> dict[str, nn.Module]:
    """Return policy, ref, reward and value as random models of another seed each; value is a copy of reward."""
    size = LlamaConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=32,
        initializer_range=0.3,
        pad_token_id=PAD,
        eos_token_id=END,
        bos_token_id=None,
        tie_word_embeddings=True,
        num_labels=1,
    )
    torch.manual_seed(1)
    policy, ref, reward = LlamaForCausalLM(size), LlamaForCausalLM(size), LlamaForSequenceClassification(size)
    return {"policy": policy, "ref": ref, "reward": reward, "value": copy.deepcopy(reward)}


def _weights(model: nn.Module) -> list[tuple[str, Tensor]]:
    return [(name, parameter.detach()) for name, parameter in model.named_parameters()]


def _rollout(*, has_ends: bool) -> Tensor:
    """Return prompts padded on the left and responses, (ROWS, WIDTH + LENGTH); what follows an end is padding."""
    generator = torch.Generator().manual_seed(2)
    tokens = torch.randint(2, 40, (ROWS, WIDTH + LENGTH), generator=generator)
    for row in range(ROWS):
        tokens[row, : row % 3] = PAD
        if has_ends and row % 2:
            end = WIDTH + row % (LENGTH - 1)
            tokens[row, end:] = PAD
            tokens[row, end] = END
    return tokens


def _run(ppo_trainer: object, models: dict[str, nn.Module], tokens: Tensor) -> Tensor:
    """Let TRL train on a fixed rollout; return the whitened advantages (ROWS, LENGTH), which the loop keeps local."""
    seen: list[Tensor] = []
    order: list[int] = []  # the rows as TRL's loader shuffled them

    def whiten(values: Tensor, mask: Tensor, shift_mean: bool = True) -> Tensor:
        found = original(values, mask, shift_mean)
        seen.append(found * mask)
        return found

    def roll_out(model: nn.Module, queries: Tensor, size: int, pad: int, config: object) -> tuple[Tensor, Tensor]:
        order.extend((tokens[:, :WIDTH] == query).all(1).nonzero().item() for query in queries)
        logits = ppo_trainer.forward(model, tokens[order], pad).logits[:, WIDTH - 1 : -1]
        return tokens[order], logits / (SETTING["temperature"] + 1e-7)

    original: Callable[..., Tensor] = ppo_trainer.masked_whiten
    ppo_trainer.masked_whiten, ppo_trainer.batch_generation = whiten, roll_out
    with tempfile.TemporaryDirectory() as scratch:
        trainer = ppo_trainer.PPOTrainer(
            args=ppo_trainer.PPOConfig(
                output_dir=scratch,
                per_device_train_batch_size=ROWS,
                num_mini_batches=1,
                num_ppo_epochs=SETTING["epochs"],
                total_episodes=ROWS,
                response_length=LENGTH,
                learning_rate=SETTING["learning_rate"],
                lr_scheduler_type="constant",
                optim="adamw_torch",
                adam_epsilon=1e-5,
                weight_decay=0.0,
                temperature=SETTING["temperature"],
                kl_coef=SETTING["kl_coef"],
                lam=SETTING["gae_lambda"],
                gamma=1.0,
                vf_coef=SETTING["value_coef"],
                cliprange=SETTING["clip_range"],
                cliprange_value=SETTING["clip_range"],
                missing_eos_penalty=None,
                num_sample_generations=0,
                report_to="none",
                save_strategy="no",
                bf16=False,
                gradient_checkpointing=False,
                stop_token_id=END,
                use_cpu=True,
            ),
            processing_class=_tokenizer(),
            model=models["policy"],
            ref_model=models["ref"],
            reward_model=models["reward"],
            value_model=models["value"],
            train_dataset=Dataset.from_list([{"input_ids": prompt} for prompt in tokens[:, :WIDTH].tolist()]),
            eval_dataset=Dataset.from_list([{"input_ids": [2] * WIDTH}]),
        )
        trainer.train()
    ppo_trainer.masked_whiten = original
    return seen[-1][torch.tensor(order).argsort()]


def _tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = make_tokenizer()
    tokenizer.padding_side = "left"
    return tokenizer


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
