"""Reading YAML as Docker's parser reads it: bytes in, trees of nodes out."""
