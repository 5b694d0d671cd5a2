"""Renders a shot on many machines: on a Dask cluster, or as a job template for a farm's scheduler."""
