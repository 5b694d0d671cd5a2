"""The look-dev page: one frame of a shot in the browser, with sliders for all that the shot file can say of a face."""
