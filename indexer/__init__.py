"""From repository files to an index: walk, parse, chunk, resolve, graph, store, snapshot."""
