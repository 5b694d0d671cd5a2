"""OpenEXR, the only home of its library: a reader that survives hostile files, a writer that keeps a plate's bits."""
