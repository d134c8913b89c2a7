"""Linked views: one selection in confusion matrix, gallery, lasso and pair history."""
