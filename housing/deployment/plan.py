"""The steps from what is served now to what should be served. (written by the deployment work)"""

from __future__ import annotations

from typing import Any

Action = Any
