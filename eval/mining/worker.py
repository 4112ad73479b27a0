"""The child of `eval.mining.parsing.HoleFinder`: parses files, answers with what they offer."""

from __future__ import annotations

import msgspec

from eval.mining.holes import find_holes
from eval.mining.parsing import Job
from indexer.ipc import connect


def main() -> None:
    """Answer jobs until the parent closes the stream."""
    channel = connect()
    decoder = msgspec.msgpack.Decoder(Job)
    while (body := channel.recv_bytes()) is not None:
        job = decoder.decode(body)
        channel.send(find_holes(job.data, job.language))


if __name__ == "__main__":
    main()
