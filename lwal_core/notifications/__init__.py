"""Notifications: who is told, by webhook, chat or e-mail, when runs and sweeps end. No torch."""

from lwal_core.notifications.channels import Message, check_channels, send_test
from lwal_core.notifications.outbox import Sender, post, wanted

__all__ = ["Message", "Sender", "check_channels", "post", "send_test", "wanted"]
