"""What all commands' lines have in common: suggestions, -o key=value, seeds, shell completion."""
