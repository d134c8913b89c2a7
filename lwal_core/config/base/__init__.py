"""What every part of a configuration is, and what every label method says of itself."""
