"""From a cursor to hits with evidence: query, channels, fusion, gate."""
