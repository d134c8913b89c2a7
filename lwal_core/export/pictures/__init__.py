"""Pictures for papers as SVG, PDF and PNG, drawn by matplotlib without a browser."""
