"""From plate pixels to faces: found, tracked, measured and cut out as stabilised crops."""
