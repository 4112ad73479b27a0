"""The engine: prompt, local model, retrieve-generate loop, verification; and the command line over it."""

__version__ = "0.1.0"
