"""RLOO: REINFORCE with a leave-one-out baseline (Ahmadian et al. 2024), by TRL's RLOOTrainer with our reward model.

accelerate launch -m rlhf.training.rloo RUN_DIR
"""

from trl import RLOOConfig as TrlRlooConfig
from trl import RLOOTrainer

from rlhf.contract.config import RlooConfig
from rlhf.training import online
from rlhf.training.run import RunContext, StageOutcome, main


class Rloo(online.InOurPrecision, RLOOTrainer):
    """TRL's trainer in our precision."""


def train(context: RunContext) -> StageOutcome:
    """Tune the base policy; the KL to its start is taken from the reward of a completion."""
    config = context.spec.config
    assert isinstance(config, RlooConfig)  # noqa: S101  read_spec parsed it for this stage
    arguments = TrlRlooConfig(**online.common_arguments(config, context), beta=config.kl_coef)
    return online.train(context, Rloo, arguments)


if __name__ == "__main__":
    main("rloo", train)
