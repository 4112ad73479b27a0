"""The benchmark harness: a thin adapter over `repocoder.engine.Engine`."""
