"""Train: live view of trainings and actions on runs."""
