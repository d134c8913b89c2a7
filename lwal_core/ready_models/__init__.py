"""Models as they are, without training: timm's, torchvision's and those of a model hub embed a data set and make a run.

:mod:`.sources` finds the source that a name belongs to, :mod:`.timm_models`, :mod:`.torchvision_models` and :mod:`.hub_models` build
a model from it, :mod:`.embedding` runs it over a data set, and :mod:`.analyse` records the run.
"""
