"""The child of `indexer.parse.ParsePool`: reads files, parses them, sends facts."""

from __future__ import annotations

import gc
import hashlib
from pathlib import Path

import msgspec

from indexer.analyze import analyze, reason_by_content
from indexer.ipc import connect
from indexer.packing import pack_content, pack_layout, pack_uses
from indexer.parse import Head, ParseBatch, Parsed, ParseJob, ParseReply
from indexer.reading import Found, UnreadableError, read_file
from indexer.resolve import interface
from indexer.resolvers.keys import pack_interface
from indexer.types import FileFacts


def main() -> None:
    """Answer batches until the parent closes the stream."""
    channel = connect()
    gc.disable()  # nothing here makes reference cycles, and collections cost a tenth of the time
    decoder = msgspec.msgpack.Decoder(ParseBatch)
    while (body := channel.recv_bytes()) is not None:
        batch = decoder.decode(body)
        for job in batch.jobs:
            channel.send(answer(batch, job))


def answer(batch: ParseBatch, job: ParseJob) -> ParseReply:
    """Read (if the job has no data) and parse one file."""
    try:
        if job.data is None:
            data, found = read_file(Path(batch.root), job.path, batch.max_file_bytes)
        else:
            data, found = job.data, Found(job.path, len(job.data), 0, 0, 0)
    except UnreadableError as error:
        return ParseReply(None, error.reason)
    reason = reason_by_content(data)
    if reason:
        return ParseReply(None, reason)
    result = analyze(
        job.path, data,
        budget_s=batch.budget_s, resident_bytes=batch.resident_bytes, every_use=job.data is not None,
    )  # fmt: skip
    digest = hashlib.sha256(data).digest()
    packed = pack_content(result.masked), pack_layout(result.facts), pack_uses(result.facts)
    return ParseReply(
        Parsed(job.path, found, digest, *packed, head_of(result.facts, digest), result.words), ""
    )


def head_of(facts: FileFacts, digest: bytes) -> Head:
    """What the tables have of these facts. `digest` of the bytes."""
    return Head(
        facts.language,
        facts.n_lines,
        facts.degraded,
        facts.package,
        pack_interface(interface(facts, digest)),
        tuple([(chunk.span.start_line, chunk.span.end_line) for chunk in facts.chunks]),
        tuple([(symbol.name, symbol.qualname, symbol.kind) for symbol in facts.symbols]),
    )


if __name__ == "__main__":
    main()
