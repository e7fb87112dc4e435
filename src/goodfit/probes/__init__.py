"""What is measured while a network trains: small reductions, and the looks that gather them."""

from .batch import Batch, fingerprint
from .layers import Place, Seen, clean_name, hook_outputs, outputs_of, places_of
from .look import PROBES, Observer, Probe
from .movement import Movement, sampled, stride_of

__all__ = [
    "PROBES",
    "Batch",
    "Movement",
    "Observer",
    "Place",
    "Probe",
    "Seen",
    "clean_name",
    "fingerprint",
    "hook_outputs",
    "outputs_of",
    "places_of",
    "sampled",
    "stride_of",
]
