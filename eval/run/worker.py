"""The process that makes samples: opens its sampler once, then answers each task with a line.

Run by `eval.run.workers` as `python -m eval.run.worker`; it ends with its parent, however that ends.
"""

from __future__ import annotations

from contextlib import ExitStack

import msgspec

from eval.run.recipe import Recipe, decode_task, sample_line
from indexer.ipc import connect
from repocoder.errors import RepocoderError


def main() -> None:
    channel = connect()
    first = channel.recv_bytes()
    if first is None:
        return
    recipe = msgspec.msgpack.decode(first, type=Recipe)
    with ExitStack() as stack:
        try:
            sampler = stack.enter_context(recipe.open())
        except RepocoderError as error:
            channel.send({"exit_code": error.exit_code, "refused": str(error)})
            return
        channel.send({"ready": True})
        while message := channel.recv_bytes():
            encoded = msgspec.msgpack.decode(message, type=bytes)
            if not encoded:  # the end
                return
            channel.send({"line": sample_line(sampler, decode_task(encoded), recipe.method)})


if __name__ == "__main__":
    main()
