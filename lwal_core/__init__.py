"""LwAL Explorer's library: train classifiers with learned label representations and study what their labels came to
mean.

Importing this package is cheap: torch is loaded only by :mod:`lwal_core.methods`, :mod:`lwal_core.encoders`,
:mod:`lwal_core.data` and :mod:`lwal_core.training`.
"""

__version__ = "0.1.0"
