"""How each violation of the default policy set is fixed; the documentation prints the table."""

from __future__ import annotations

from typing import Final

from tests.support.fixes import cdi, container, gpu, variables

FIXES: Final = {**gpu.FIXES, **cdi.FIXES, **variables.FIXES, **container.FIXES}
