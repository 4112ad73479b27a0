"""Labels on disk, one a line: what was labelled is not labelled again, whatever ended the run."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from indexer import disk
from repocoder.gate.features import DRAFT_FEATURES, FEATURES
from repocoder.gate.labels import Label

FILE = "gate-labels.jsonl"
MAX_BYTES = 64 << 20


class Journal:
    """The labels of one index folder. They hold for one `fingerprint`: of the model, and of all that a label depends on
    beside the hole. Labels of another one are dropped when the first new one is written.
    """

    def __init__(self, directory: Path, fingerprint: str) -> None:
        self.path = directory / FILE
        self._fingerprint = fingerprint
        self.labels = self._read()

    def add(self, label: Label) -> None:
        """Write one. Raises StorageError."""
        with disk.translated(self.path):
            if not self.labels:
                disk.prepare_folder(self.path.parent)
                disk.remove(self.path)
                disk.create_file(self.path, _line({"fingerprint": self._fingerprint}))
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                disk.write(file, _line(label))
            finally:
                os.close(file)
        self.labels[label.key] = label

    def _read(self) -> dict[str, Label]:
        """What is there for this fingerprint. A last line that was not finished is cut off; what cannot be read is
        nothing."""
        try:
            if self.path.stat().st_size > MAX_BYTES:
                return {}
            data = self.path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            head, *lines = whole.splitlines()
            if msgspec.json.decode(head) != {"fingerprint": self._fingerprint}:
                return {}
            labels = [msgspec.json.decode(line, type=Label) for line in lines]
            if len(whole) < len(data):
                os.truncate(self.path, len(whole))
        except (OSError, ValueError, msgspec.MsgspecError):
            return {}
        wanted = {*FEATURES}, {*DRAFT_FEATURES}
        sound = all({*one.features} == wanted[0] and {*one.draft} == wanted[1] for one in labels)
        return {one.key: one for one in labels} if sound else {}


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"
