"""What the consistency pages show and let download: figures laid out for the eye. It reads; it writes nothing."""
