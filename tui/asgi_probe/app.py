"""The module that every server is told to load; ``app`` is the user's app, wrapped."""

from asgi_probe.loader import load
from asgi_probe.probe import Probe
from asgi_probe.run import RUN

app = Probe(load(RUN), RUN)
