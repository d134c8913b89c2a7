"""LwAL Explorer's library: train classifiers with learned label representations and study what their labels came to
mean.

Importing this package is cheap: torch is loaded only by what trains or asks a network (:mod:`lwal_core.methods`,
:mod:`lwal_core.encoders`, :mod:`lwal_core.data`, :mod:`lwal_core.training`, :mod:`lwal_core.inference_server`) and by two
programs that run in processes of their own (:mod:`lwal_core.torch_file`, :mod:`lwal_core.device_check`).
"""

__version__ = "0.1.0"
