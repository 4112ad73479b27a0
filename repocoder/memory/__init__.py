"""Repository memory: the repository's own token sequences as a second predictor beside the model."""
