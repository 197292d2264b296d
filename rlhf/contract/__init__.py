"""All that the web side and the GPU side agree on; standard library only."""
