"""Running an evaluation: which tasks, in which processes, and the files that a run leaves behind."""
