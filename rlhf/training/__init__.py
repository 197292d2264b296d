"""The GPU side. Knows run directories (rlhf.contract) and nothing else of ours; each stage runs as a module."""
