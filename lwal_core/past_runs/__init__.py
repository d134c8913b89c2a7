"""Runs of trainings that are over: curves, checkpoints and predictions that other programs left, as files. No torch.

:mod:`.curve_files` reads numbers by epoch, :mod:`.series` a checkpoint for each epoch, :mod:`.prediction_files` predictions for a
test set; :mod:`.keep` records a run of them.
"""
