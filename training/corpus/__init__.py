"""The corpus of the embedded models: which packages, which of their files, and nothing of a benchmark."""
