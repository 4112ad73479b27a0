"""Retrieve at all? The free rule: it looks only at what was found, so it costs nothing beyond the search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from retrieval.pending import Candidate
from retrieval.types import GateDecision, Query

Mode = Literal["auto", "always", "never"]

SIMILAR_THRESHOLD = 0.3
"""Share of the query's idf mass that a similar snippet must cover.

Measured on 900 holes in httpx, scrapy and mypy (a line of a function, five snippets shown). Useful means that
they held a name that the line needs and its file does not show, or a line four fifths the same: 23 % of the
holes whose best snippet covers less than 0.3 (5 % of all; 4 % of the supplied names are lost with them), 53 %
of all holes, 84 % from 0.8 on. A proxy: no model was asked, and it was chosen on the holes that it was measured on.
"""


def decide(query: Query, hits: Iterable[Candidate], mode: Mode) -> GateDecision:
    """Decide from the hits of all channels; the reason is a sentence for the user.

    `score` is the best coverage of a similar or recently edited snippet, 0 to 1; 1 if another file's definition is
    reachable.
    """
    if mode == "never":
        return GateDecision(False, 0.0, SIMILAR_THRESHOLD, "retrieval is switched off")
    defined = best = 0
    similar = recent = 0.0
    reason = ""
    for hit in hits:
        for evidence in hit.evidence:
            if evidence.source == "definitions" and hit.path != query.path:
                defined += 1
                if not best or evidence.rank < best:
                    best, reason = evidence.rank, f"{hit.path} {evidence.why}"
            elif evidence.source == "similar":
                similar = max(similar, evidence.score)
            elif evidence.source == "recent":
                recent = max(recent, evidence.score)
    alike = max(similar, recent)
    score = 1.0 if defined else alike
    features = {"definitions": float(defined), "similar": similar, "recent": recent}
    if mode == "always":
        return GateDecision(True, score, SIMILAR_THRESHOLD, "retrieval is always on", features)
    if defined:
        return GateDecision(True, score, SIMILAR_THRESHOLD, reason, features)
    if alike >= SIMILAR_THRESHOLD:
        what = "similar code" if similar >= recent else "recently edited code"
        why = f"{what} covers {alike:.2f} of what is near the cursor, at least {SIMILAR_THRESHOLD}"
        return GateDecision(True, score, SIMILAR_THRESHOLD, why, features)
    why = (
        "no name near the cursor comes from another file,"
        f" and nothing similar scores above {SIMILAR_THRESHOLD}"
    )
    return GateDecision(False, score, SIMILAR_THRESHOLD, why, features)
