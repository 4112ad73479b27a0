"""The figures of a retrieval: each at another place, whole and in parts, from an index that is kept where one says."""

from __future__ import annotations

from pathlib import Path

from eval.bench.search import WARM_UP, describe, run


def module(number: int) -> str:
    body = "".join(f"    value_{line} = other_{(number + line) % 5}({line})\n" for line in range(70))
    return f"from pkg.mod{(number + 1) % 4} import other_{number}\n\n\ndef work_{number}(size):\n{body}"


def test_a_run_measures_all_that_is_asked(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    (root / "pkg").mkdir(parents=True)
    for number in range(4):
        (root / "pkg" / f"mod{number}.py").write_text(module(number))
    result = run(root, tmp_path / "index", WARM_UP + 4, 2)
    assert (result.files, result.queries, result.agreement) == (4, WARM_UP + 4, 1.0)
    assert 0 < result.retrieve.p50 <= result.retrieve.p95 <= result.retrieve.max
    assert result.next_line.p50 > 0
    assert {"definitions_ms", "similar_ms", "fuse_ms"} <= result.channels.keys() == result.shares.keys()
    assert abs(sum(result.shares.values()) - 1) < 1e-9
    assert "retrieve, the next line" in describe(result)
    again = run(root, tmp_path / "index", WARM_UP + 1, 1)
    assert again.chunks == result.chunks
    assert (tmp_path / "index" / "index.sqlite").exists()
