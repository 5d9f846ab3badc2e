"""PairVAE links small-angle X-ray and neutron scattering curves of the same sample.

>>> from pairvae import load_model, read_spectrum
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["Spectrum", "load_model", "read_spectrum", "spectrum_from_arrays", "write_nxcansas", "write_text"]

# Loaded when first asked for: importing pairvae must not cost the seconds that torch takes.
_HOMES = {
    "Spectrum": "pairvae.scattering.spectrum",
    "read_spectrum": "pairvae.formats.read",
    "spectrum_from_arrays": "pairvae.formats.from_arrays",
    "write_nxcansas": "pairvae.formats.write",
    "write_text": "pairvae.formats.write",
    "load_model": "pairvae.use.trained_model",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'pairvae' has no attribute {name!r}")
