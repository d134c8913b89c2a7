"""LwAL Explorer's library: train classifiers with learned label representations and study what the labels mean.

Importing this package is cheap: only :mod:`.methods`, :mod:`.encoders`, :mod:`.data`, :mod:`.training`,
:mod:`.inference_server` and :mod:`.torch_programs` import torch.
"""

__version__ = "0.1.0"
