"""The module that every server is told to load; ``app`` is the user's app, wrapped."""

import os

from .loader import load
from .probe import Probe
from .run import RUN

app = Probe(load(RUN), RUN)

# A worker obeys orders before its first request too, which may never come where there is no lifespan. Not the
# leader of the group: it may have loaded the app only to fork, and no thread survives that.
if os.getpid() != os.getpgrp():
    app.shipper.touch()
