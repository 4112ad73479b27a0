"""Retrievers as others published them, for comparison: no index, no model, only the texts of a repository.

Each is made once for a repository from `files: path -> text` (the files of one language, as they are on disk) and asked
once for each hole. They share `retrieval.types.Hit` with our own channels; a hit's chunk has the id -1, the kind
"window", and bytes 0 to 0, because it stands for lines of a file and not for a chunk of an index.
"""
