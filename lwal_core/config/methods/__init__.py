"""Label methods, one file per method: what it is called, its options, and how it is built. No torch until one is built.

A new method is a file here, or anywhere else, and a line below.
"""

from lwal_core.config.base.method import register
from lwal_core.config.methods.cosine import Cosine
from lwal_core.config.methods.cpcc import Cpcc
from lwal_core.config.methods.external import External
from lwal_core.config.methods.hybrid import Hybrid
from lwal_core.config.methods.imported import Imported
from lwal_core.config.methods.labelemb import LabelEmbedding
from lwal_core.config.methods.lwal import Lwal
from lwal_core.config.methods.lwr import Retrospection
from lwal_core.config.methods.maxsup import MaxSup
from lwal_core.config.methods.nonl import Nonl
from lwal_core.config.methods.ntce import Ntce
from lwal_core.config.methods.onehot import OneHot
from lwal_core.config.methods.proxy import Proxy
from lwal_core.config.methods.smoothing import Smoothing
from lwal_core.config.methods.static import Static
from lwal_core.config.methods.supcon import SupCon

for _method in (
    OneHot,
    Lwal,
    Hybrid,
    Smoothing,
    Cosine,
    Retrospection,
    LabelEmbedding,
    Static,
    SupCon,
    Ntce,
    Nonl,
    MaxSup,
    Cpcc,
    Proxy,
    Imported,
    External,
):
    register(_method)
