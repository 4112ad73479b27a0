"""The answers of the engine as JSON: keys that scripts rely on, the same for the command line and eval."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx

    from indexer.types import BuildReport, Symbol
    from repocoder.choices import Choice
    from repocoder.graphs import Ranking, Touched
    from repocoder.types import Completion, Explanation, IndexStatus, ModelInfo, Prompt, SearchResult
    from retrieval.types import Considered, GateDecision, Hit

Json = dict[str, Any]

_DIGITS = 4
"""Digits after the point: a tenth of a microsecond, and more than any score means."""

_STATUS_KEYS = (
    "root",
    "directory",
    "exists",
    "stale",
    "generation",
    "files",
    "chunks",
    "symbols",
    "edges",
    "bytes_on_disk",
)


def dump(value: object) -> str:
    """`value` as one line of JSON in ASCII: control characters and undecodable bytes come out escaped."""
    return json.dumps(_plain(value), ensure_ascii=True, allow_nan=False)


def _plain(value: object) -> object:
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return _plain(value.item()) if hasattr(value, "item") else str(value)


def report_json(report: BuildReport) -> Json:
    """What `index --json` prints."""
    return {
        "files": report.files,
        "chunks": report.chunks,
        "symbols": report.symbols,
        "edges": report.edges,
        "skipped": dict(sorted(report.skipped.items())),
        "changed": report.changed,
        "generation": report.generation,
        "seconds": report.seconds,
    }


def status_json(status: IndexStatus, *, with_skips: bool) -> Json:
    """What `status --json` prints; with `with_skips` every file that was skipped."""
    skipped: dict[str, int] = {}
    for skip in sorted(status.skips, key=lambda skip: skip.reason):
        skipped[skip.reason] = skipped.get(skip.reason, 0) + 1
    answer = {name: getattr(status, name) for name in _STATUS_KEYS}
    if with_skips:
        answer["skips"] = [{"path": skip.path, "reason": skip.reason} for skip in status.skips]
    return {**answer, "skipped": skipped}


def hit_json(hit: Hit) -> Json:
    """One hit, as `search` and `complete` print it."""
    return {
        "path": hit.path,
        "start_line": hit.start_line,
        "end_line": hit.end_line,
        "kind": hit.chunk.kind,
        "name": hit.chunk.name,
        "score": hit.score,
        "evidence": [
            {"source": item.source, "rank": item.rank, "score": item.score, "why": item.why}
            for item in hit.evidence
        ],
    }


def considered_json(one: Considered) -> Json:
    """One candidate of `explain --json`: a hit, the stage that it reached and why, and what its score is made of."""
    return {
        **hit_json(one.hit),
        "kept": one.kept,
        "stage": one.stage,
        "why": one.why,
        "features": dict(one.features),
    }


def choices_json(choices: Sequence[Choice]) -> Json:
    """What `pins list --json` prints."""
    return {
        "choices": [
            {
                "place": str(one.place),
                "path": one.place.path,
                "qualname": one.place.qualname or None,
                "lines": list(one.place.lines) if one.place.lines else None,
                "action": one.action,
                "scope": one.scope,
            }
            for one in choices
        ]
    }


def search_json(result: SearchResult) -> Json:
    """What `search --json` prints."""
    return {"hits": [hit_json(hit) for hit in result.hits], "timings": dict(result.timings)}


def gate_json(gate: GateDecision) -> Json:
    return {
        "retrieve": gate.retrieve,
        "score": gate.score,
        "threshold": gate.threshold,
        "reason": gate.reason,
    }


def model_json(model: ModelInfo) -> Json:
    return {"name": model.name, "sha256": model.sha256}


def completion_json(completion: Completion) -> Json:
    """What `complete --json` prints. `passes` is their number, `pass_reports` says what each did."""
    return {
        "text": completion.text,
        "stop_reason": completion.stop_reason,
        "path": completion.path,
        "line": completion.line,
        "column": completion.column,
        "passes": len(completion.passes),
        "pass_reports": [asdict(report) for report in completion.passes],
        "gate": gate_json(completion.gate),
        "hits": _hits_with_places(completion.hits, completion.prompt),
        "checks": [asdict(check) for check in completion.checks],
        "prompt_tokens": completion.prompt_tokens,
        "prompt_limit": completion.prompt.limit or None,
        "completion_tokens": completion.completion_tokens,
        "mean_logprob": completion.mean_logprob,
        "timings": asdict(completion.timings),
        "model": model_json(completion.model),
        "base_sha256": completion.base_sha256,
        "known": completion.known,
        "origins": [asdict(origin) for origin in completion.origins],
        "notes": list(completion.notes),
    }


def explanation_json(explanation: Explanation) -> Json:
    """What `explain --json` prints: the query, every candidate with its fate, the prompt as text."""
    query, prompt = explanation.query, explanation.prompt
    hits = _hits_with_places(explanation.hits, prompt)
    dropped = dropped_reasons(prompt)
    for hit, answer in zip(explanation.hits, hits, strict=True):
        answer["dropped"] = None if answer["in_prompt"] else dropped.get(place(hit), "")
        answer["text"] = hit.text
    return {
        "query": {
            "path": query.path,
            "language": query.language,
            "line": query.line,
            "column": query.column,
            "scope": query.scope,
            "identifiers": list(query.identifiers),
        },
        "gate": {**gate_json(explanation.gate), "features": dict(explanation.gate.features)},
        "hits": hits,
        "candidates": [considered_json(one) for one in explanation.candidates],
        "notes": list(explanation.notes),
        "prompt": {
            "tokens": len(prompt.token_ids),
            "prefix_tokens": prompt.prefix_tokens,
            "suffix_tokens": prompt.suffix_tokens,
            "snippet_tokens": prompt.snippet_tokens,
            "template": prompt.template,
            "limit": prompt.limit or None,
            "text": prompt.text,
            "typed": prompt.typed,
        },
        "timings": dict(explanation.timings),
        "model": model_json(explanation.model),
    }


def graph_json(graph: networkx.MultiDiGraph) -> Json:
    """What `graph --format json` prints: networkx's node-link form, which its `node_link_graph` reads."""
    nodes = [{"id": node, **values} for node, values in graph.nodes(data=True)]
    edges = [
        {"source": source, "target": target, "key": key, **values}
        for source, target, key, values in graph.edges(keys=True, data=True)
    ]
    return {"directed": True, "multigraph": True, "graph": {}, "nodes": nodes, "edges": edges}


def ranking_json(ranking: Ranking) -> Json:
    """What `graph --rank FILE --format json` prints."""
    files = [{"path": path, "score": score} for path, score in ranking.files]
    symbols = [{**_symbol_json(one.symbol), "score": one.score} for one in ranking.symbols]
    return {"path": ranking.path, "files": files, "symbols": symbols}


def impact_json(touched: Sequence[Touched]) -> Json:
    """What `graph --impact SYMBOL --format json` prints."""
    symbols = [{**_symbol_json(one.symbol), "hops": one.hops, "weight": one.weight} for one in touched]
    return {"touched": symbols}


def _symbol_json(symbol: Symbol) -> Json:
    return {
        "path": symbol.path,
        "line": symbol.span.start_line,
        "qualname": symbol.qualname,
        "kind": symbol.kind,
    }


def place(hit: Hit) -> tuple[str, int, int]:
    """What tells hits of one answer apart."""
    return (hit.path, hit.start_line, hit.end_line)


def dropped_reasons(prompt: Prompt) -> dict[tuple[str, int, int], str]:
    """Why hits did not enter the prompt, by place."""
    return {place(dropped.hit): dropped.why for dropped in prompt.dropped}


def _hits_with_places(hits: Sequence[Hit], prompt: Prompt) -> list[Json]:
    shown = {place(hit) for hit in prompt.hits}
    return [{**hit_json(hit), "in_prompt": place(hit) in shown} for hit in hits]
