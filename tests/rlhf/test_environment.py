"""What a trainer is started with: freed memory is used again, in the process as in what it starts."""

import subprocess
import sys

from rlhf import environment

TOUCH = """
import resource
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
blocks = [bytearray(12_000_000) for _ in range(8)]
del blocks
before = faults()
for _ in range(20):
    blocks = [bytearray(12_000_000) for _ in range(8)]
    del blocks
print(faults() - before)
"""


def page_faults(env):
    done = subprocess.run([sys.executable, "-c", TOUCH], env=env, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_memory_that_was_freed_is_not_asked_for_again():
    env = environment.for_training()
    as_usual = {name: value for name, value in env.items() if name not in environment.KEPT_MEMORY}

    assert page_faults(env) < page_faults(as_usual) / 10
