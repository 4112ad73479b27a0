"""The child of `indexer.links`: resolves files of a complete set of rows that nobody writes meanwhile."""

from __future__ import annotations

import sqlite3

import msgspec

from indexer.ipc import connect
from indexer.linking import Links
from indexer.links import LinkReply, LinkSlice


def main() -> None:
    """Answer slices of paths until the parent closes the stream."""
    channel = connect()
    place = channel.recv()
    connection = sqlite3.connect(place, uri=True, isolation_level=None)
    links = Links(connection, many=True)
    decoder = msgspec.msgpack.Decoder(LinkSlice)
    while (body := channel.recv_bytes()) is not None:
        job = decoder.decode(body)
        channel.send(LinkReply(job.number, [links.of(path) for path in job.paths]))


if __name__ == "__main__":
    main()
