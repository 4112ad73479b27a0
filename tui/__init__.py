"""The terminal user interface: a thin adapter over `repocoder.engine.Engine`."""
