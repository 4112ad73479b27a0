"""RepoCoder and Repoformer as they were published, with prompts of their own: the baselines, for everyone to try."""
