"""The local model: a protocol, the worker process around llama.cpp, and a deterministic double for tests."""
