"""What holds for all tests: on a shared machine a case may take long, which is no failure."""

from hypothesis import settings

settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
