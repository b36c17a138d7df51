"""The module that every server is told to load; ``app`` is the user's app, wrapped."""

from .loader import load
from .probe import Probe
from .run import RUN

app = Probe(load(RUN), RUN)
