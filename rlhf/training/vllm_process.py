"""Completions by vLLM, in a Python of its own: it needs nothing of ours, and versions that we do not have.

    VLLM_PYTHON rlhf/training/vllm_process.py FD

Reads a line of JSON, {"model", "dtype", "max_length", "seed", "share", "is_on_cpu"}, and says {"ready": version} on the
file descriptor FD. Then every line is an order. {"prompts", "max_tokens", "temperature", "top_p", "seeds", "eos"} is
answered by a line a completion as they end, {"at", "ids", "logprobs", "is_finished"}, in any order, and by {"alive":
steps} between them; {"again": directory} reads the weights again, which are other ones now, and is answered by {"read":
directory}. What goes wrong is said as {"failed": sentence}. It ends with its input, and with its parent.
"""

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

try:
    import vllm
except ImportError as problem:  # another Python than that it is installed in
    vllm, MISSING = None, str(problem)

PR_SET_PDEATHSIG = 1
ALIVE_SECONDS = 1.0


def main() -> None:
    """Load a model and answer orders until the input ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with os.fdopen(int(sys.argv[1]), "w", buffering=1, encoding="utf-8") as answers:
        try:
            for answer in answered():
                print(json.dumps(answer), file=answers)
        except Exception as problem:
            print(json.dumps({"failed": f"{type(problem).__name__}: {problem}"}), file=answers)
            raise


def answered() -> Iterator[dict[str, Any]]:
    """Yield what is said of the model and of every order."""
    if vllm is None:
        raise ModuleNotFoundError(f"{MISSING} ({sys.executable})")
    model = json.loads(sys.stdin.readline())
    engine = vllm.LLM(
        model=model["model"],
        dtype=model["dtype"],
        max_model_len=model["max_length"],
        seed=model["seed"],
        skip_tokenizer_init=True,
        generation_config="vllm",  # what an order does not say is not taken from the model's directory
        enforce_eager=model["is_on_cpu"],
        gpu_memory_utilization=model["share"],
        logprobs_mode="processed_logprobs",  # of what a token is drawn from, not of what the model said before
    ).llm_engine
    yield {"ready": vllm.__version__}
    for line in sys.stdin:
        order = json.loads(line)
        yield from (read_again if "again" in order else completions)(engine, order)


def read_again(engine: Any, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Put other weights in the place of those that it has, and forget what those made of prompts."""
    engine.collective_rpc("reload_weights", kwargs={"weights_path": order["again"]})
    engine.reset_prefix_cache()
    yield {"read": order["again"]}


def completions(engine: Any, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the completions of an order as they end."""
    for at, (prompt, seed) in enumerate(zip(order["prompts"], order["seeds"], strict=True)):
        sampling = vllm.SamplingParams(
            max_tokens=order["max_tokens"],
            temperature=order["temperature"],
            top_p=order["top_p"],
            seed=seed,
            stop_token_ids=[order["eos"]],
            detokenize=False,
            logprobs=0,  # of the drawn token alone
        )
        engine.add_request(str(at), {"prompt_token_ids": prompt}, sampling)
    said, steps = time.monotonic(), 0
    while engine.has_unfinished_requests():
        for found in engine.step():
            if found.finished:
                one = found.outputs[0]
                ids = list(one.token_ids)
                yield {
                    "at": int(found.request_id),
                    "ids": ids,
                    "logprobs": [of[token].logprob for token, of in zip(ids, one.logprobs, strict=True)],
                    "is_finished": one.finish_reason == "stop",
                }
        steps += 1
        if time.monotonic() - said > ALIVE_SECONDS:
            said = time.monotonic()
            yield {"alive": steps}


if __name__ == "__main__":
    main()
