"""Log and child processes: what every service of this project has in common. No torch."""
