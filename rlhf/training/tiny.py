"""A small Llama made on the spot: a tokenizer and a pretraining on text that a little grammar of ours writes.

It is not wise, and need not be: its completions vary in language, length, repetition and ending, so a reward model and
PPO have something to learn in seconds.
"""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

from rlhf.training import new_models

STEPS = 160
BATCH = 24
LENGTH = 64
VOCABULARY = 768
LEARNING_RATE = 3e-3
CONVERSATIONS = 3000
SIZE = {"hidden_size": 128, "layers": 4, "heads": 4, "key_value_heads": 4, "context": 512}
PROMPTS = Path(__file__).resolve().parents[1] / "demo" / "prompts.jsonl"

ENGLISH = {
    "thing": [
        "river",
        "tree",
        "book",
        "train",
        "garden",
        "letter",
        "bridge",
        "teacher",
        "friend",
        "city",
        "song",
        "storm",
    ],
    "kind": ["old", "small", "quiet", "bright", "useful", "long", "warm", "plain", "good", "new"],
    "verb": ["finds", "keeps", "shows", "carries", "needs", "helps", "follows", "brings"],
    "end": [".", ".", ".", "!", ""],
}
CHINESE = {
    "thing": ["河流", "大树", "书本", "火车", "花园", "信件", "小桥", "老师", "朋友", "城市", "歌曲", "风雨"],
    "kind": ["古老的", "小小的", "安静的", "明亮的", "有用的", "长长的", "温暖的", "普通的", "好的", "新的"],
    "verb": ["看见", "保护", "带来", "需要", "帮助", "跟着", "喜欢", "想起"],
    "end": ["。", "。", "。", "！", ""],
}


def pretrain(*, steps: int = STEPS, seed: int = 1) -> tuple[LlamaForCausalLM, PreTrainedTokenizerBase]:
    """Return a tiny language model and its tokenizer, trained on our own conversations."""
    torch.manual_seed(seed)
    conversations = list(write_conversations(CONVERSATIONS, seed=seed))
    tokenizer = new_models.make_tokenizer(conversations, vocabulary=VOCABULARY)
    model = new_models.make_llama(tokenizer, **SIZE)
    print(f"base: tiny: {model.num_parameters() / 1e6:.1f} M parameters, {len(tokenizer)} tokens", flush=True)
    stream = torch.tensor([i for text in conversations for i in tokenizer(text)["input_ids"]])
    _train(model, stream, steps=steps, seed=seed)
    return model.eval(), tokenizer


def write_conversations(count: int, *, seed: int) -> Iterator[str]:
    """Yield short conversations in the chat template: a prompt of the demo or of the grammar, and an answer.

    Answers may be of one to four sentences, in the other language now and then, repeated or broken off: what is to be
    learned later must be there to choose from.
    """
    rng = random.Random(seed)  # noqa: S311  reproducible, not secret
    asked = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    for _ in range(count):
        prompt = rng.choice(asked)
        words = ENGLISH if (prompt["language"] == "en") == (rng.random() < 0.75) else CHINESE
        sentences = [sentence(words, rng) for _ in range(rng.choice([1, 1, 2, 2, 3, 4]))]
        if rng.random() < 0.2:
            sentences *= 2
        joint = " " if words is ENGLISH else ""
        yield f"<|user|>{prompt['prompt']}<|end|><|assistant|>{joint.join(sentences)}<|end|>"


def sentence(words: dict[str, list[str]], rng: random.Random) -> str:
    """Return a sentence of the little grammar: the old river carries a letter."""
    kind, thing, verb, other = (rng.choice(words[part]) for part in ("kind", "thing", "verb", "thing"))
    end = rng.choice(words["end"])
    if words is CHINESE:
        return f"{kind}{thing}{verb}{other}{end}"
    return f"The {kind} {thing} {verb} a {other}{end}"


def _train(model: LlamaForCausalLM, stream: torch.Tensor, *, steps: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=LEARNING_RATE, total_steps=steps)
    started = time.monotonic()
    for step in range(1, steps + 1):
        starts = torch.randint(len(stream) - LENGTH, (BATCH,), generator=generator)
        batch = torch.stack([stream[i : i + LENGTH] for i in starts.tolist()])
        loss = model(input_ids=batch, labels=batch).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 20 == 0 or step == steps:
            print(
                f"base: tiny: step {step}/{steps}  loss {loss.item():.2f}  {time.monotonic() - started:.0f} s",
                flush=True,
            )
