"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("repocoder", deadline=None)  # no test depends on how busy the machine is
settings.load_profile("repocoder")
