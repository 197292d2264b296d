"""GRPO: advantages from the scores of a prompt's other completions (Shao et al. 2024), by TRL with our reward model.

accelerate launch -m rlhf.training.grpo RUN_DIR
"""

from trl import GRPOConfig as TrlGrpoConfig
from trl import GRPOTrainer

from rlhf.contract.config import GrpoConfig
from rlhf.training import online
from rlhf.training.run import RunContext, StageOutcome, main


class Grpo(online.InOurPrecision, GRPOTrainer):
    """TRL's trainer in our precision."""


def train(context: RunContext) -> StageOutcome:
    """Tune the base policy; the KL to its start is a part of the loss."""
    config = context.spec.config
    assert isinstance(config, GrpoConfig)  # noqa: S101  read_spec parsed it for this stage
    arguments = TrlGrpoConfig(
        **online.common_arguments(config, context),
        beta=config.kl_coef,
        loss_type=config.loss,
        scale_rewards=config.scale,
    )
    return online.train(context, Grpo, arguments)


if __name__ == "__main__":
    main("grpo", train)
