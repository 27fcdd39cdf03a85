"""The Compose loader: what Docker would really run. `load` is its only public name."""

from policyd.compose.loader import load

__all__ = ["load"]
