"""The static code embedder: pairs without labels, a vocabulary of parts of names, training, evaluation."""
