"""What is measured while a network trains: small reductions, and the looks that gather them."""

from .baseline import simple_fits
from .batch import Batch, fingerprint
from .layers import Place, Seen, clean_name, hook_outputs, outputs_of, places_of, strongest_dropout
from .look import PROBES, Observer, Probe
from .movement import Movement, Sampling, row_of, sampling_of

__all__ = [
    "PROBES",
    "Batch",
    "Movement",
    "Observer",
    "Place",
    "Probe",
    "Sampling",
    "Seen",
    "clean_name",
    "fingerprint",
    "hook_outputs",
    "outputs_of",
    "places_of",
    "row_of",
    "sampling_of",
    "simple_fits",
    "strongest_dropout",
]
