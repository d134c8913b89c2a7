"""Programs that run as processes of their own and may import torch, whoever starts them."""
