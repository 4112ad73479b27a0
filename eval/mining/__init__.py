"""Tasks from the user's own repository, made by the rules of RepoEval (RepoCoder, EMNLP 2023).

    benchmark = mine(root, MineOptions(tasks=300))
    write_tasks(place, benchmark)
    benchmark = read_tasks(place)

Nothing is run and nothing is written but what `write_tasks` is told to write.
"""

from __future__ import annotations

from eval.mining.holes import SUPPORTED
from eval.mining.miner import MineOptions, mine
from eval.mining.taskfile import read_tasks, write_tasks

__all__ = ["SUPPORTED", "MineOptions", "mine", "read_tasks", "write_tasks"]
