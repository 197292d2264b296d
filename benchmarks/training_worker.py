"""One measured training in a process of its own: python -m benchmarks.training_worker CASE ENGINE SEED

Prints one line of JSON: CPU seconds (user and system), peak memory, and what the case adds.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import transformers

from benchmarks import training_place, training_ppo, training_reward, training_sample, training_tiny

Engine = Callable[[Path, int], dict[str, float]]

CASES: dict[str, dict[str, Engine]] = {
    "ppo": {
        "trl": training_ppo.trl_step,
        "lora": training_ppo.lora_step,
        "lora-fp32": training_ppo.plain_lora_step,
        "full": training_ppo.full_step,
    },
    "tiny": {"trl": training_tiny.trl, "ours": training_tiny.ours, "longer": training_tiny.longer},
    "reward": {
        "trl": lambda place, seed: training_reward.trl(place, seed, model="base"),
        "full": lambda place, seed: training_reward.ours(place, seed, model="base", lora_rank=0),
        "lora": lambda place, seed: training_reward.ours(place, seed, model="base", lora_rank=16),
    },
    "reward-tiny": {
        "trl": lambda place, seed: training_reward.trl(place, seed, model="tiny"),
        "full": lambda place, seed: training_reward.ours(place, seed, model="tiny", lora_rank=0),
        "lora": lambda place, seed: training_reward.ours(place, seed, model="tiny", lora_rank=16),
    },
    "sample": {"ours": training_sample.smollm2},
}


def main() -> None:
    case, engine, seed = sys.argv[1:]
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.manual_seed(int(seed))
    place = training_place.prepare()
    found = CASES[case][engine](place, int(seed))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"peak_gb": peak, **found}))


if __name__ == "__main__":
    main()
