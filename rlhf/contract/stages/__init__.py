"""The configs of the stages, a module for each family; rlhf.contract.config gathers them."""
