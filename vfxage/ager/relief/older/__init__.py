"""A face made older: broad relief and fine lines shaded by the plate's light, pigment, eyes, lips, hair and shape."""
