"""DPX, TIFF, PNG and JPEG, read and written frame by frame: the home of OpenImageIO."""
